// placeholder, replaced by the target's first type
