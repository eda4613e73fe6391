"""What happens, told to all who listen at that moment: over event streams and over sockets."""
