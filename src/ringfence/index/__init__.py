"""The consent index: the store's copy of what the registry says, built, followed and checked."""
