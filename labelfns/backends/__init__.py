"""One file a provider: each makes an `Ask`."""
