"""The lab's node agent: one process that plays the kubelet, so that pods really start, answer, fail and drain."""
