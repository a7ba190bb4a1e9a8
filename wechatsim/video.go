package wechatsim

import (
	"crypto/sha1" // part_sha is one on the wire
	"encoding/hex"
	"strconv"
)

// video is an upload in parts: begun, then finished once all its parts fit.
type video struct {
	size     int64
	parts    map[int]videoPart
	finished bool
}

type videoPart struct {
	size int
	sha  string
}

const (
	minVideoPart  = 1 << 20 // all but the last
	maxVideoPart  = 2 << 20
	maxVideoParts = 10_000
)

// videoSizes says how large a video may be by its scene_type.
var videoSizes = map[int]int64{162: 500 << 20, 173: 20 << 20}

// videoInit serves POST /shop/ec/basics/video/initupload.
func (s *Sim) videoInit(c *call, sh *shop) answer {
	var in struct {
		Scene int    `json:"scene_type"`
		Type  string `json:"file_type"`
		Size  int64  `json:"file_size"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Type == "" || in.Size <= 0 || in.Size > videoSizes[in.Scene] {
		return s.fail(c, 10020055)
	}
	d := sh.desk()
	d.mediaSeq++
	key := "video_" + derive(s.world.Seed, "video", sh.AppID, strconv.Itoa(d.mediaSeq))[:40]
	d.videos.add(key, &video{size: in.Size, parts: map[int]videoPart{}})
	return s.reply(c, "data", object{"video_upload_key", key})
}

// videoPart serves POST /shop/ec/basics/video/uploadpart. Parts come in any
// order; one that comes again replaces the first.
func (s *Sim) videoPart(c *call, sh *shop) answer {
	v := sh.desk().videos.get(idText(c.q.Get("video_upload_key")))
	n, err := strconv.Atoi(c.q.Get("partnum"))
	if v == nil || v.finished || err != nil || n < 1 || n > maxVideoParts {
		return s.fail(c, 10020055)
	}
	m, bad := mediaFile(c)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case len(m.data) > maxVideoPart:
		return s.fail(c, 10020342)
	}
	sum := sha1.Sum(m.data)
	v.parts[n] = videoPart{size: len(m.data), sha: hex.EncodeToString(sum[:])}
	return s.reply(c, "data", object{"part_sha", v.parts[n].sha})
}

// videoFinish serves POST /shop/ec/basics/video/finishupload.
func (s *Sim) videoFinish(c *call, sh *shop) answer {
	var in struct {
		Key   string       `json:"video_upload_key"`
		Parts []finishPart `json:"finish_parts"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	v := sh.desk().videos.get(idText(in.Key))
	if v == nil || len(in.Parts) == 0 {
		return s.fail(c, 10020055)
	}
	if bad := v.fits(in.Parts); bad != 0 {
		return s.fail(c, bad)
	}
	v.finished = true
	return s.ok(c, okay)
}

type finishPart struct {
	Num int    `json:"partnum"`
	SHA string `json:"part_sha"`
}

// fits checks that the parts are there, follow each other and are large enough.
func (v *video) fits(parts []finishPart) int {
	var size int64
	for i, p := range parts {
		have, ok := v.parts[p.Num]
		switch {
		case !ok || p.Num != i+1 || p.SHA != have.sha:
			return 10020055
		case have.size < minVideoPart && i < len(parts)-1:
			return 10020342
		}
		size += int64(have.size)
	}
	if size != v.size {
		return 10020342
	}
	return 0
}

// videoPlayInfo serves GET /shop/ec/basics/video/getplayinfo.
func (s *Sim) videoPlayInfo(c *call, sh *shop) answer {
	key := c.q.Get("video_upload_key")
	v := sh.desk().videos.get(idText(key))
	if v == nil || !v.finished {
		return s.fail(c, 10020055)
	}
	return s.reply(c, "data", object{"url", "https://video.example.com/" + sh.AppID + "/" + key + ".mp4"})
}
