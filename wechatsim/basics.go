package wechatsim

import (
	"net/http"
	"slices"
)

// basicsRoutes are the calls about the shop itself and about its files. Uploads
// have moved from /channels/ec/ to /shop/ec/; both spellings are in use.
var basicsRoutes = map[string]route{
	"/channels/ec/basics/info/get":         {method: http.MethodGet, shop: (*Sim).shopInfo, sets: []int{129, 131}},
	"/channels/ec/basics/addresscode/get":  post([]int{129, 131, 192}, (*Sim).addressCode),
	"/shop/ec/basics/img/upload":           upload(imageSets, (*Sim).imageUpload),
	"/channels/ec/basics/img/upload":       upload(imageSets, (*Sim).imageUpload),
	"/shop/ec/basics/img/uploadv2":         upload([]int{129, 131, 192}, (*Sim).imageUpload),
	"/shop/ec/basics/qualification/upload": upload([]int{85, 129, 131}, (*Sim).qualificationUpload),
	"/channels/ec/basics/media/get":        {method: http.MethodGet, shop: (*Sim).mediaGet, sets: []int{129, 131}},
	"/shop/ec/basics/video/initupload":     post(videoSets, (*Sim).videoInit),
	"/shop/ec/basics/video/uploadpart":     upload(videoSets, (*Sim).videoPart),
	"/shop/ec/basics/video/finishupload":   post(videoSets, (*Sim).videoFinish),
	"/shop/ec/basics/video/getplayinfo":    {method: http.MethodGet, shop: (*Sim).videoPlayInfo, sets: videoSets},
}

var (
	imageSets = []int{85, 129, 131, 192}
	videoSets = []int{129, 131, 192}
)

// upload is a shop's call with a file in its body.
func upload(sets []int, serve func(*Sim, *call, *shop) answer) route {
	return route{method: http.MethodPost, shop: serve, sets: sets, raw: true}
}

// shopInfo serves GET /channels/ec/basics/info/get.
func (s *Sim) shopInfo(c *call, sh *shop) answer {
	type info struct {
		Nickname      string `json:"nickname"`
		HeadImgURL    string `json:"headimg_url"`
		SubjectType   string `json:"subject_type"`
		Status        string `json:"status"`
		Username      string `json:"username"`
		IsLocalLife   int    `json:"is_local_life"`
		OpenTimestamp int64  `json:"open_timestamp"`
	}
	return s.reply(c, "info", info{Nickname: sh.Nickname, HeadImgURL: "https://mmecimage.cn/p/" + sh.AppID + "/head",
		SubjectType: sh.SubjectType, Status: sh.Status, Username: sh.Username, OpenTimestamp: s.world.Epoch.AddDate(-1, 0, 0).Unix()})
}

// area is a place with an administrative code. The emulator knows a few only.
type area struct {
	Name  string `json:"name"`
	Code  int64  `json:"code"`
	Level int    `json:"level"` // 0 country, 1 province, 2 city, 3 county, 4 street
}

// areaIn is an area with the code of the one it lies in.
type areaIn struct {
	area
	in int64
}

// areas lists every place after the one it lies in.
var areas = []areaIn{
	{area{"中华人民共和国", 0, 0}, -1},
	{area{"北京市", 110000000, 1}, 0},
	{area{"广东省", 440000000, 1}, 0},
	{area{"广州市", 440100000, 2}, 440000000},
	{area{"深圳市", 440300000, 2}, 440000000},
	{area{"海珠区", 440105000, 3}, 440100000},
	{area{"白云区", 440111000, 3}, 440100000},
}

// addressCode serves POST /channels/ec/basics/addresscode/get.
func (s *Sim) addressCode(c *call, _ *shop) answer {
	var in struct {
		Code int64 `json:"addr_code"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	var self *area
	next := []area{}
	for i := range areas {
		if areas[i].Code == in.Code {
			self = &areas[i].area
		}
		if areas[i].in == in.Code {
			next = append(next, areas[i].area)
		}
	}
	if self == nil {
		return s.fail(c, 10020051)
	}
	return s.reply(c, "addrs_msg", self, "next_level_addrs", next)
}

// knownArea tells whether a code of one of the four levels is known; 0 stands
// for the whole of the level above.
func knownArea(code int64) bool {
	return slices.ContainsFunc(areas, func(a areaIn) bool { return a.Code == code })
}
