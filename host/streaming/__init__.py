"""From packets to frames in time: losses found, clocks followed; without any input or output."""
