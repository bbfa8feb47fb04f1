package translate

// Enforcers is what the setting of enforcer comes to on a host: by which of
// the two mechanisms rules that need them are enforced there, and why, for
// people.
func Enforcers(setting string, host Host) (guard, appArmor bool, why string, err error) {
	c, err := choose(setting, host)
	return c.guard, c.appArmor, c.why, err
}
