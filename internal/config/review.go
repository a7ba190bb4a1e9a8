package config

import "time"

// Review says how often somebody signs who may do what.
type Review struct {
	Every time.Duration `yaml:"every" env:"EVERY" doc:"How often somebody should read and sign who may do what; a human is told when it is due. 0: nobody is reminded."`
}

// Grants says how old what shops and people authorised may become.
type Grants struct {
	MaxAge         time.Duration `yaml:"max_age" env:"MAX_AGE" doc:"How old an authorisation may become, such as 8760h; two weeks before, whoever gave it is asked to give it anew. 0: as old as it likes."`
	MaxAgeEnforced bool          `yaml:"max_age_enforced" env:"MAX_AGE_ENFORCED" doc:"Whether an authorisation that was not given anew in time stops serving until its owner gives it. Off: it goes on."`
}

// checkReview wants times that make sense.
func (c *Config) checkReview(r *report) {
	const day, year = 24 * time.Hour, 366 * 24 * time.Hour
	every, age := c.Review.Every, c.Grants.MaxAge
	r.want(every == 0 || every >= 7*day, "review.every", "is less than a week", "write a longer time, such as 2160h, or 0")
	r.want(every <= 2*year, "review.every", "is more than two years", "write a shorter time, such as 2160h, or 0")
	r.want(age == 0 || age >= 28*day, "grants.max_age", "is less than four weeks", "write a longer time, such as 8760h, or 0")
	r.want(age <= 10*year, "grants.max_age", "is more than ten years", "write a shorter time, such as 8760h, or 0")
	r.want(age > 0 || !c.Grants.MaxAgeEnforced, "grants.max_age_enforced", "is set without grants.max_age", "write how old an authorisation may become, such as grants: {max_age: 8760h}")
}
