package wechatsim

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
)

// medium is an uploaded file.
type medium struct {
	data        []byte
	contentType string
}

// Bounds on uploads. The files of a shop are kept until there are too many;
// then the oldest goes.
const (
	maxQualification = 2 << 20
	maxMedia         = 64
)

// mediaFile reads the multipart field "media" of an upload, or the errcode.
func mediaFile(c *call) (medium, int) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return medium{}, 47001
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return medium{}, missingPart(err)
		}
		if part.FormName() != "media" {
			continue
		}
		data, err := io.ReadAll(part)
		switch {
		case err != nil:
			return medium{}, 47001
		case len(data) == 0:
			return medium{}, 10020059
		}
		return medium{data: data, contentType: http.DetectContentType(data)}, 0
	}
}

func missingPart(err error) int {
	if err == io.EOF {
		return 10020059 // a whole form without a picture
	}
	return 47001
}

// keep stores a file and returns its media_id.
func (s *Sim) keep(sh *shop, m medium) string {
	d := sh.desk()
	d.mediaSeq++
	id := "media_" + derive(s.world.Seed, "media", sh.AppID, strconv.Itoa(d.mediaSeq))[:40]
	d.media.add(id, &m)
	if len(d.media.ids) > maxMedia {
		d.media.drop(d.media.ids[0])
	}
	return id
}

type picFile struct {
	MediaID    string `json:"media_id,omitempty"`
	PayMediaID string `json:"pay_media_id,omitempty"`
	ImgURL     string `json:"img_url,omitempty"`
}

// imageUpload serves POST /shop/ec/basics/img/upload and its older spelling.
func (s *Sim) imageUpload(c *call, sh *shop) answer {
	var m medium
	var bad int
	switch c.q.Get("upload_type") {
	case "", "0":
		if m, bad = mediaFile(c); bad == 0 {
			bad = checkSize(c.q)
		}
	case "1":
		m, bad = s.imageByURL(c)
	default:
		bad = 10020055
	}
	if bad != 0 {
		return s.fail(c, bad)
	}
	id := s.keep(sh, m)
	switch c.q.Get("resp_type") {
	case "", "0":
		return s.reply(c, "pic_file", picFile{MediaID: id, PayMediaID: "pay_" + id})
	case "1":
		return s.reply(c, "pic_file", picFile{ImgURL: fmt.Sprintf("https://mmecimage.cn/p/%s/%s", sh.AppID, id)})
	}
	return s.fail(c, 10020055)
}

// checkSize wants the height and width that go with a binary upload.
func checkSize(q url.Values) int {
	for _, name := range []string{"height", "width"} {
		if n, err := strconv.Atoi(q.Get(name)); err != nil || n <= 0 {
			return 10020055
		}
	}
	return 0
}

// imageByURL reads a body that names a picture somewhere else. The emulator
// fetches nothing: it keeps a picture of its own.
func (s *Sim) imageByURL(c *call) (medium, int) {
	var in struct {
		URL string `json:"img_url"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return medium{}, bad
	}
	u, err := url.Parse(in.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return medium{}, 10020055
	}
	return medium{data: onePixel, contentType: "image/gif"}, 0
}

// onePixel is a GIF of one transparent pixel.
var onePixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// qualificationUpload serves POST /shop/ec/basics/qualification/upload. Its
// sample writes the errcode as a string, also when all is well.
func (s *Sim) qualificationUpload(c *call, sh *shop) answer {
	m, bad := mediaFile(c)
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case len(m.data) > maxQualification:
		return s.fail(c, 10020060)
	}
	data := object{"file_id", s.keep(sh, m)}
	if s.sw.QualificationErrcodeAsString {
		return s.ok(c, object{"errcode", "0", "errmsg", "ok", "data", data})
	}
	return s.reply(c, "data", data)
}

// mediaGet serves GET /channels/ec/basics/media/get: the file itself, or an
// error in JSON with the same HTTP status.
func (s *Sim) mediaGet(c *call, sh *shop) answer {
	m := sh.desk().media.get(idText(c.q.Get("media_id")))
	if m == nil {
		return s.fail(c, 40007)
	}
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {m.contentType}}, body: m.data}
}
