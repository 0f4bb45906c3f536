"""What operators see: logs and metrics. Nothing here is imported by what it observes."""
