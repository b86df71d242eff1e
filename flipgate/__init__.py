"""flipgate: releases a whole Kubernetes environment at once, with a way back."""
