"""What a person does in X-AnyLabeling with a remote server, by the tool's own client class.

Runs in the tool's environment: `x_anylabeling_session.py ADDRESS KEY FOLDER ASKED`.  FOLDER
holds the images, ASKED is JSON: marks and words.  Prints JSON: what the client made of the
answers.  Tracked shapes are in label files beside the images, as the tool writes them.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anylabeling.config as tool_config
from anylabeling.services.auto_labeling.remote_server import RemoteServer
from PyQt6.QtWidgets import QApplication


def shapes_of(result: Any) -> list[dict[str, Any]]:
    return [shape.to_dict() for shape in result.shapes]


def main(address: str, key: str, folder: str, asked: dict[str, Any]) -> dict[str, Any]:
    application = QApplication([])
    images = sorted(str(path) for path in Path(folder).glob("*.png"))
    told: list[str] = []
    # What the tool's settings hold once its user has typed the address and the key.
    settings = Path.home() / ".xanylabelingrc"
    typed = {"server_url": address, "api_key": key}
    settings.write_text(json.dumps({"remote_server_settings": typed}), "utf-8")
    tool_config.current_config_file = str(settings)
    config = {"type": "remote_server", "display_name": "vseg", "timeout": 60}
    client = RemoteServer(config, told.append)
    client._widget = SimpleNamespace(
        image_list=images,
        output_dir=None,
        _config={"store_data": False},
        _batch_processing_active=False,
    )
    done: dict[str, Any] = {"models": sorted(client.get_available_models())}

    client.set_model_id("vseg-image")
    client.set_auto_labeling_marks(asked["marks"])
    done["image"] = shapes_of(client.predict_shapes("image", images[0]))
    client.set_auto_labeling_marks([])
    client.set_auto_labeling_conf(0.01)  # synthetic shapes are hardly people
    client.set_model_id("vseg-text")
    done["words"] = shapes_of(client.predict_shapes("image", images[0], asked["words"]))
    done["unknown"] = shapes_of(client.predict_shapes("image", images[0], "gryphon"))

    client.set_model_id("vseg-video")
    client.set_auto_labeling_marks(asked["video_marks"])
    done["video"] = shapes_of(client.predict_shapes("image", images[1]))
    client.set_cache_auto_label("runner", 3)
    client.predict_shapes("image", images[1], run_tracker=True)
    client.set_auto_labeling_marks([])
    done["video_words"] = shapes_of(client.predict_shapes("image", images[0], asked["words"]))
    client._reset_video_session()
    client.headers["Token"] = "wrong"
    done["refused"] = client.get_available_models()
    done["told"] = told
    application.quit()
    return done


if __name__ == "__main__":
    _, given_address, given_key, given_folder, given = sys.argv
    print(json.dumps(main(given_address, given_key, given_folder, json.loads(given))))
