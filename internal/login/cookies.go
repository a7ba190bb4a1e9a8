package login

// Names of cookies, without the prefix that https adds.
const (
	sessionCookie  = "zg_session"
	stateCookie    = "zg_state_" // and the first hex digits of the state's digest
	linkCookie     = "zg_link"
	unlinkedCookie = "zg_unlinked"
	entryCookie    = "zg_entry"
	knownCookie    = "zg_known"
	claimCookie    = "zg_claim"
	linkedCookie   = "zg_linked"
	leftCookie     = "zg_left" // logged out here: only a tap logs in again
	accountCookie  = "zg_account"
	otherCookie    = "zg_other"
	scanCookie     = "zg_scan_" // and the first hex digits of the code's digest
	deviceCookie   = "zg_device"
	phoneCookie    = "wechatsim_ua" // the emulator's phone, on loopback only
)
