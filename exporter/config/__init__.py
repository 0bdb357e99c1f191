"""Read what a configuration file may say."""
