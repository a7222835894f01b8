"""The lab's page: what becomes of the attention when it is changed, worked by hand, priced, and set beside others."""
