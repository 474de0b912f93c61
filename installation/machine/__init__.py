"""What this machine is and can do: questions to devices, drivers and clocks in, reports out."""
