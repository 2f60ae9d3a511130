"""Every kind of model a session can track with."""

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.slot_model import SlotModel

Model = AffinityModel | SlotModel
