"""Where users are sent: routes as read, and the patches that would move them."""
