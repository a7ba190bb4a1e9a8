package event_test

import (
	"fmt"

	"github.com/zhanggui/zhanggui/wechat/event"
)

func ExampleDecode() {
	for _, plain := range []string{
		`{"CreateTime":1662480000,"MsgType":"event","Event":"channels_ec_order_pay","order_info":{"order_id":3705115058471208928,"pay_time":1662480000}}`,
		`<xml><CreateTime>1662480000</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[channels_ec_order_pay]]></Event><order_info><pay_time>1662480000</pay_time><order_id>3705115058471208928</order_id></order_info></xml>`,
	} {
		e, err := event.Decode([]byte(plain))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Name, e.CreateTime, string(e.Body))
	}
	// Output:
	// channels_ec_order_pay 1662480000 {"order_info":{"order_id":"3705115058471208928","pay_time":"1662480000"}}
	// channels_ec_order_pay 1662480000 {"order_info":{"order_id":"3705115058471208928","pay_time":"1662480000"}}
}
