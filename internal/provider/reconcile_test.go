package provider

import "github.com/zhanggui/zhanggui/internal/audit"

var system = audit.Actor{Kind: audit.ActorSystem}
