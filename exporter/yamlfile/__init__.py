"""Read any YAML file of ours into nodes that know their place."""
