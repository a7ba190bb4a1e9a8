package shop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/wechat"
)

const (
	pathImage         = "/shop/ec/basics/img/upload"
	pathQualification = "/shop/ec/basics/qualification/upload"
	pathMedia         = "/channels/ec/basics/media/get"
	pathVideoStart    = "/shop/ec/basics/video/initupload"
	pathVideoPart     = "/shop/ec/basics/video/uploadpart"
	pathVideoEnd      = "/shop/ec/basics/video/finishupload"
)

// File is bytes to upload. Body is read once, as the upload goes on: nothing of
// it is kept.
type File struct {
	// Name is what the file is called, with its extension.
	Name string
	Body io.Reader
	// Size of Body in bytes; -1 when it is not known, and then the upload goes
	// in chunks.
	Size int64
}

// ImageUse says what an uploaded picture is for: WeChat hands out another kind of
// name for each.
type ImageUse int

// The uses of pictures.
const (
	// UseMediaID is for evidence in after-sales and the like.
	UseMediaID ImageUse = 0
	// UseURL is for goods: their pictures must lie at mmecimage.cn/p/, else
	// WeChat answers 10020035.
	UseURL ImageUse = 1
)

// Image is how WeChat calls an uploaded picture.
type Image struct {
	MediaID    string `json:"media_id,omitzero"`
	PayMediaID string `json:"pay_media_id,omitzero"`
	URL        string `json:"img_url,omitzero"`
}

// UploadImage uploads a picture of the given width and height in pixels.
//
// 5000 a minute. Sets 85, 129, 131 or 192. /doc/store/shop/API/apimgnt/resource/api_img_upload;
// older pages call the path /channels/ec/basics/img/upload.
func (c *Client) UploadImage(ctx context.Context, use ImageUse, f File, width, height int) (*Image, error) {
	query := url.Values{
		"upload_type": {"0"}, "resp_type": {strconv.Itoa(int(use))},
		"height": {strconv.Itoa(height)}, "width": {strconv.Itoa(width)},
	}
	return image(upload[imageAnswer](ctx, c, pathImage, query, f))
}

// UploadImageURL lets WeChat fetch a picture from address. It follows no
// redirects.
//
// Limits and sets are those of [Client.UploadImage].
func (c *Client) UploadImageURL(ctx context.Context, use ImageUse, address string) (*Image, error) {
	var res imageAnswer
	query := url.Values{"upload_type": {"1"}, "resp_type": {strconv.Itoa(int(use))}}
	err := c.send(ctx, wechat.Request{Path: pathImage, RawQuery: query.Encode()}, struct {
		URL string `json:"img_url"`
	}{address}, &res)
	return image(res, err)
}

type imageAnswer struct {
	File *Image `json:"pic_file"`
}

func image(res imageAnswer, err error) (*Image, error) {
	if err == nil && res.File == nil {
		err = missing(pathImage, "pic_file")
	}
	return res.File, err
}

// UploadQualification uploads a picture of a licence or certificate and returns
// its file id. It may have 2 MiB: 10020060 says that it has more, 10020059 that it
// is empty.
//
// Sets 85, 129 or 131. /doc/store/shop/API/apimgnt/resource/api_qualificationupload
func (c *Client) UploadQualification(ctx context.Context, f File) (string, error) {
	res, err := upload[struct {
		Data struct {
			ID ID `json:"file_id"`
		} `json:"data"`
	}](ctx, c, pathQualification, nil, f)
	return string(res.Data.ID), err
}

// Media returns the bytes behind a media id, such as the evidence of an
// after-sale. The caller closes the body. The bytes are as WeChat sends them:
// look at them before you show them to anybody.
//
// Sets 129, 131 or 192. /doc/store/shop/API/apimgnt/resource/api_getdatabymediaid
func (c *Client) Media(ctx context.Context, mediaID string) (io.ReadCloser, http.Header, error) {
	r, err := c.ready(ctx, wechat.Request{Method: http.MethodGet, Path: pathMedia, RawQuery: url.Values{"media_id": {mediaID}}.Encode()})
	if err != nil {
		return nil, nil, err
	}
	res, err := c.doer.Call(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if err := res.Err(); err != nil {
		res.Body.Close() //nolint:errcheck // nothing to do about it
		return nil, nil, err
	}
	return res.Body, res.Header, nil
}

// VideoScene says what a video is for.
type VideoScene int

// The scenes of videos.
const (
	VideoProduct   VideoScene = 162 // up to 500 MB and 180 s
	VideoAfterSale VideoScene = 173 // up to 20 MB
)

// VideoPart is a part of a video that WeChat has.
type VideoPart struct {
	Number int    `json:"partnum"` // from 1
	SHA    string `json:"part_sha"`
}

// StartVideo begins the upload of a video of size bytes and returns its key. kind is
// the extension, such as mp4.
//
// Sets 129, 131 or 192. /doc/store/shop/API/apimgnt/resource/api_video_initupload
func (c *Client) StartVideo(ctx context.Context, scene VideoScene, kind string, size int64) (string, error) {
	res, err := Call[struct {
		Data struct {
			Key string `json:"video_upload_key"`
		} `json:"data"`
	}](ctx, c, pathVideoStart, struct {
		Scene VideoScene `json:"scene_type"`
		Kind  string     `json:"file_type"`
		Size  int64      `json:"file_size"`
	}{scene, kind, size})
	if err == nil && res.Data.Key == "" {
		err = missing(pathVideoStart, "data.video_upload_key")
	}
	return res.Data.Key, err
}

// UploadVideoPart uploads one part, of 1 to 2 MiB but for the last. Parts may go at
// once and in any order; sending a part again replaces it.
//
// Sets 129, 131 or 192. /doc/store/shop/API/apimgnt/resource/api_video_uploadpart
func (c *Client) UploadVideoPart(ctx context.Context, key string, number int, f File) (VideoPart, error) {
	query := url.Values{"video_upload_key": {key}, "partnum": {strconv.Itoa(number)}}
	res, err := upload[struct {
		Data struct {
			SHA string `json:"part_sha"`
		} `json:"data"`
	}](ctx, c, pathVideoPart, query, f)
	return VideoPart{Number: number, SHA: res.Data.SHA}, err
}

// FinishVideo puts the parts together, which stand in order without a gap. WeChat
// answers 10020342 when one but the last is too small.
//
// Sets 129, 131 or 192. /doc/store/shop/API/apimgnt/resource/api_video_finishupload
func (c *Client) FinishVideo(ctx context.Context, key string, parts []VideoPart) error {
	return post(ctx, c, pathVideoEnd, struct {
		Key   string      `json:"video_upload_key"`
		Parts []VideoPart `json:"finish_parts"`
	}{key, parts})
}

// errNoFile is for uploads without anything to upload.
var errNoFile = errors.New("shop: the file has no body; give it a reader")

// upload sends f as the multipart field media.
func upload[Res any](ctx context.Context, c *Client, path string, query url.Values, f File) (Res, error) {
	var res Res
	if f.Body == nil {
		return res, errNoFile
	}
	form, kind, err := newForm(f.Name)
	if err != nil {
		return res, err
	}
	size := int64(-1)
	if f.Size >= 0 {
		size = f.Size + int64(len(form.head)+len(form.tail))
		f.Body = io.LimitReader(f.Body, f.Size)
	}
	err = c.send(ctx, wechat.Request{
		Path: path, RawQuery: query.Encode(), Header: http.Header{"Content-Type": {kind}},
		Body:          io.MultiReader(strings.NewReader(form.head), f.Body, strings.NewReader(form.tail)),
		ContentLength: size,
	}, nil, &res)
	return res, err
}

// form is a multipart body around a file that is still to come.
type form struct{ head, tail string }

// newForm writes what stands around the file. The name is quoted by the
// library: it cannot break out of its header.
func newForm(name string) (form, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if _, err := w.CreateFormFile("media", name); err != nil {
		return form{}, "", err
	}
	head := b.String()
	b.Reset()
	if err := w.Close(); err != nil {
		return form{}, "", err
	}
	return form{head: head, tail: b.String()}, w.FormDataContentType(), nil
}
