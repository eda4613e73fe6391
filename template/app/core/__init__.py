"""The platform: maintained by the template. Your code goes to `app/features`."""
