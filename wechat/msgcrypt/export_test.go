package msgcrypt

// The samples fix what is random otherwise.

func EncryptWith(k *Keyring, random, plain, appID string) string {
	return k.encrypt(0, [randomLen]byte([]byte(random)), []byte(plain), appID)
}

func ReplyWith(k *Keyring, m Message, plain, random, nonce, timestamp string) ([]byte, error) {
	return k.reply(m, []byte(plain), stamp{[randomLen]byte([]byte(random)), nonce, timestamp})
}

func DecryptOnly(k *Keyring, text string) (Message, error) { return k.decrypt(text) }
