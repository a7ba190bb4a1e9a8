// Package otlp sends spans to an OpenTelemetry collector, by OTLP over HTTP.
//
// A span that ended goes into a queue of a fixed length, and from there to the
// collector, many at a time. Nothing that is looked at waits for that: when the queue
// is full, because the collector hangs or is away, a span is dropped and counted, and
// what the collector does not take is lost and counted. Nothing is sent twice. Spans
// tell of what happened; the audit log proves it.
package otlp
