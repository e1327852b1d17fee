"""What sets offers off and is no fix: events, schedules, weather that changed, pushes that waited for the morning."""
