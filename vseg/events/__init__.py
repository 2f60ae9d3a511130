"""What happens in a scene, from the masks of its objects: zones, lines, and who is told.

Enters: the masks of each frame, and zones and lines.  Leaves: scene events of ONE schema, to a
file, stdout, an MQTT broker or a webhook.
"""
