"""Herald's stored things, as the services see them: decrypted, typed, frozen."""
