"""The manager's side of processes: supervisors, what is known of each unit's processes, the reaper, the console."""
