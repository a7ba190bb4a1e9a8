//go:build linux

package interop_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	cryptApp   = "wx00000000000000c1"
	cryptToken = "a-token-nobody-uses"
	cryptKey   = "zhangguizhangguizhangguizhangguizhangguizhA"
)

// cryptJob and cryptResult are what testdata/crypt.js reads and prints.
type cryptJob struct {
	Do           string `json:"do"`
	AppID        string `json:"appid"`
	Token        string `json:"token"`
	AESKey       string `json:"aes_key"`
	Text         string `json:"text"`
	Nonce        string `json:"nonce"`
	Timestamp    string `json:"timestamp"`
	MsgSignature string `json:"msg_signature"`
	URL          string `json:"url"`
	Body         string `json:"body"`
}

type cryptResult struct {
	Text    string            `json:"text"`
	Message map[string]string `json:"message"`
	Error   string            `json:"error"`
}

// envelope is what stands outside in a push or a sealed answer.
type envelope struct {
	Encrypt, MsgSignature, Nonce string
	TimeStamp                    json.Number
}

// cryptTexts are messages of every kind and of every length of padding.
func cryptTexts() []string {
	texts := []string{
		`<xml><ToUserName><![CDATA[gh_demo]]></ToUserName><Event>channels_ec_order_new</Event></xml>`,
		`{"ToUserName":"gh_demo","Event":"channels_ec_order_new","order_info":{"order_id":3705115058471208928}}`,
		"蓝天文具店 😀", strings.Repeat("长", 5000),
	}
	for n := range 33 {
		texts = append(texts, strings.Repeat("a", n+1))
	}
	return texts
}

func cryptRing(t *testing.T) *msgcrypt.Keyring {
	t.Helper()
	k, err := msgcrypt.NewKeyring([]secret.Value{secret.FromString(cryptToken)}, []secret.Value{secret.FromString(cryptKey)}, cryptApp)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// runCrypt lets node-easywechat do the jobs.
func runCrypt(t *testing.T, jobs []cryptJob) []cryptResult {
	t.Helper()
	tools(t, "node", "npm")
	dir := t.TempDir()
	copyFiles(t, dir, "package.json", "package-lock.json", "crypt.js")
	run(t, 3*time.Minute, dir, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	for i := range jobs {
		jobs[i].AppID, jobs[i].AESKey = cryptApp, cryptKey
		if jobs[i].Token == "" {
			jobs[i].Token = cryptToken
		}
	}
	text, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jobs.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	var results []cryptResult
	out := run(t, time.Minute, dir, "node", "crypt.js", "jobs.json")
	if err := json.Unmarshal(out, &results); err != nil || len(results) != len(jobs) {
		t.Fatalf("%d results for %d jobs, %v: %.200s", len(results), len(jobs), err, out)
	}
	return results
}

// sealed makes the job of opening what we sealed.
func sealed(t *testing.T, k *msgcrypt.Keyring, d msgcrypt.Dialect, text string) cryptJob {
	t.Helper()
	q, body, err := k.Seal(msgcrypt.Push{Dialect: d, AppID: cryptApp, ToUserName: "gh_demo", Plain: []byte(text), Time: start})
	if err != nil {
		t.Fatal(err)
	}
	env, err := msgcrypt.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	return cryptJob{
		Do: "open", Text: env.Encrypt, Nonce: q.Nonce, Timestamp: q.Timestamp, MsgSignature: q.MsgSignature,
		URL: "https://push.example/wechat?" + q.Values().Encode(), Body: string(body),
	}
}

// openSealed opens what node-easywechat sealed, in the dialect it came in and
// in the other one.
func openSealed(t *testing.T, k *msgcrypt.Keyring, body string) msgcrypt.Message {
	t.Helper()
	var env envelope
	if err := xml.Unmarshal([]byte(body), &env); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	q := msgcrypt.Query{MsgSignature: env.MsgSignature, Timestamp: env.TimeStamp.String(), Nonce: env.Nonce, EncryptType: "aes"}
	m, err := k.Open(q, []byte(body))
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	again, err := k.Open(q, []byte(`{"ToUserName":"gh_demo","Encrypt":"`+env.Encrypt+`"}`))
	if err != nil || string(again.Plain) != string(m.Plain) || again.Dialect != msgcrypt.JSON {
		t.Errorf("as JSON: %.40q, %v", again.Plain, err)
	}
	return m
}

// TestNodeSealsAndOpens: what node-easywechat seals we open, what we seal it
// opens; and it refuses what was signed with another token.
func TestNodeSealsAndOpens(t *testing.T) {
	k, texts := cryptRing(t), cryptTexts()
	var jobs []cryptJob
	for i, text := range texts {
		jobs = append(jobs, cryptJob{Do: "seal", Text: text, Nonce: "415670741", Timestamp: "1772416800"})
		jobs = append(jobs, sealed(t, k, []msgcrypt.Dialect{msgcrypt.JSON, msgcrypt.XML}[i%2], text))
	}
	stranger := sealed(t, k, msgcrypt.XML, "text")
	stranger.Token = "another-token"
	results := runCrypt(t, append(jobs, stranger))
	for i, text := range texts {
		theirs, ours := results[2*i], results[2*i+1]
		if theirs.Error != "" || ours.Error != "" {
			t.Fatalf("%.40q: sealing %q, opening %q", text, theirs.Error, ours.Error)
		}
		if m := openSealed(t, k, theirs.Text); string(m.Plain) != text || m.AppID != cryptApp || !m.Time.Equal(time.Unix(1772416800, 0)) {
			t.Errorf("we read %.60q for %s at %v, want %.60q", m.Plain, m.AppID, m.Time, text)
		}
		if ours.Text != text {
			t.Errorf("node-easywechat reads %.60q, want %.60q", ours.Text, text)
		}
	}
	if last := results[len(results)-1]; last.Error == "" {
		t.Errorf("node-easywechat accepted another token's signature: %+v", last)
	}
}

// TestNodeServesAPush: its whole server takes our push, reads the event as we
// read it, and we open its sealed answer.
func TestNodeServesAPush(t *testing.T) {
	const plain = `<xml><ToUserName><![CDATA[gh_demo]]></ToUserName><FromUserName><![CDATA[o_demo_owner_0001]]></FromUserName><CreateTime>1772416800</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[debug_demo]]></Event><debug_str><![CDATA[你好 <&>]]></debug_str></xml>`
	k := cryptRing(t)
	job := sealed(t, k, msgcrypt.XML, plain)
	job.Do, job.Text = "serve", "知道了"
	got := runCrypt(t, []cryptJob{job})[0]
	if got.Error != "" {
		t.Fatal(got.Error)
	}
	e, err := event.Decode([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	if got.Message["Event"] != e.Name || got.Message["ToUserName"] != e.ToUserName || `{"debug_str":"`+got.Message["debug_str"]+`"}` != string(e.Body) {
		t.Errorf("node-easywechat reads %v, we read %s %s", got.Message, e.Name, e.Body)
	}
	answer, err := event.Decode(openSealed(t, k, got.Text).Plain)
	if err != nil || answer.MsgType != "text" || answer.ToUserName != "o_demo_owner_0001" || string(answer.Body) != `{"Content":"知道了"}` {
		t.Errorf("its answer: %+v, %s, %v", answer, answer.Body, err)
	}
}
