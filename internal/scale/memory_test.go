package scale

func memoryMain() error { return nil }
