"""What a page's server keeps: the queue, the models it has loaded, what works on this machine."""
