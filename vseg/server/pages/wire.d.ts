// Made by `python -m tests.wire_types` from vseg/server/annotator: do not edit.

/** It is not in the image on frames [first, end). */
export interface AbsentWire {
  kind: "absent";
  object: number;
  first: number;
  end: number;
}

/** The span of the review is right. */
export interface AcceptRisk {
  id: number;
  type: "accept";
  object: number;
  first: number;
  end: number;
}

/** Its masks on frames [first, end) are right. */
export interface AcceptWire {
  kind: "accept";
  object: number;
  first: number;
  end: number;
}

/** A pending prompt. object: None for a new one; the answer says which. */
export interface AddPrompt {
  id: number;
  type: "prompt";
  object: number | null;
  frame: number;
  prompt: PointsPrompt | BoxPrompt | ScribblePrompt | PolygonPrompt | MaskPrompt | TextPrompt | ExemplarPrompt;
}

/** kind: how it differs from the mask that is shown; score: predicted quality. */
export interface Alternative {
  kind: "smaller" | "larger";
  score: number;
  area: number;
  crop: WireCrop;
}

/** Smallest first; none where the prompts say how large the object is. Give one as a mask prompt to take it. */
export interface AlternativesAnswer {
  re: number;
  alternatives: Array<Alternative>;
}

/** A clip that is open, as a whole. first, end: its frames. fps: None if unknown. video: its id below /v1/videos; run: below /v1/runs. revision: of the run. words: whether text and exemplar prompts can be used; sound: whether the clip has any. Neither pending nor objects grow with the clip. */
export interface AnnotationState {
  run: string;
  video: string;
  name: string;
  width: number;
  height: number;
  fps: number | null;
  first: number;
  end: number;
  model: string;
  words: boolean;
  sound: boolean;
  revision: number;
  objects: Array<ObjectState>;
  pending: Array<PendingMark>;
  stale: Array<Span>;
  undo: StepTitle | null;
  redo: StepTitle | null;
  running: RunningPropagation | null;
}

/** Other masks that the pending clicks of an object on a frame may mean. */
export interface AskAlternatives {
  id: number;
  type: "alternatives";
  object: number;
  frame: number;
}

/** Lanes over frames [first, end) in at most `bins` cells. */
export interface AskLanes {
  id: number;
  type: "lanes";
  first: number;
  end: number;
  bins: number;
  objects?: Array<number> | null;
}

export interface AskStatistics {
  id: number;
  type: "statistics";
}

/** What happened in them, over the whole run. */
export interface AskZoneEvents {
  id: number;
  type: "zone_events";
}

/** The zones and lines of the run. */
export interface AskZones {
  id: number;
  type: "zones";
}

/** As in prompts.jsonl: right and bottom exclusive. It replaces an earlier box. */
export interface BoxPrompt {
  kind: "box";
  xyxy: [number, number, number, number];
}

/** End the propagation; what it has tracked so far stays, as a revision. */
export interface Cancel {
  id: number;
  type: "cancel";
}

/** cancelled: whether anything was under way. */
export interface CancelAnswer {
  re: number;
  cancelled: boolean;
}

export interface ColourWire {
  kind: "colour";
  object: number;
  colour: string;
}

export interface DeleteWire {
  kind: "delete";
  object: number;
}

/** There is nothing more to say: to edits, takeover, skip. */
export interface DoneAnswer {
  re: number;
  ok: true;
}

/** The propagation ended. spans: that were tracked. revision: None where nothing was. */
export interface DoneEvent {
  seq: number;
  type: "done";
  job: number;
  cancelled: boolean;
  revision: number | null;
  spans: Array<Span>;
}

/** object: the new one of a split. */
export interface EditAnswer {
  re: number;
  revision: number;
  object: number | null;
}

/** Something failed that no request waits for: a propagation, a mask of a prompt. */
export interface ErrorEvent {
  seq: number;
  type: "error";
  job: number | null;
  error: Refusal;
}

/** One row. count: how often it happened. mean_s, longest_s: how long it took, None of what takes no time. most: how many were inside at once, None of what is no stay. */
export interface EventRow {
  place: string;
  kind: string;
  label: string;
  direction: string | null;
  count: number;
  mean_s: number | null;
  longest_s: number | null;
  most: number | null;
}

/** An object like the one in the box: of a frame of this clip, or of an image in base64 (a file of PNG, JPEG or WebP). */
export interface ExemplarPrompt {
  kind: "exemplar";
  xyxy: [number, number, number, number];
  frame?: number | null;
  image?: string | null;
  threshold?: number | null;
}

/** url: from where the file can be read. */
export interface FileAnswer {
  re: number;
  url: string;
  name: string;
  bytes: number;
}

/** Four points of the image and where they are on the ground, x y in metres. error_px: how exactly points and feet are known, in pixels; speeds get their error from it. */
export interface GroundSettings {
  image: [[number, number], [number, number], [number, number], [number, number]];
  metres: [[number, number], [number, number], [number, number], [number, number]];
  error_px?: number;
}

/** The first message. stream, last_seq: of the connection before, to get only what it missed. mode: `write` takes the lease if nobody has it. */
export interface Hello {
  id: number;
  type: "hello";
  stream?: string | null;
  last_seq?: number | null;
  mode?: "write" | "watch";
}

/** stream: to say when coming back. resumed: whether the events that were missed follow; otherwise the state is given. */
export interface HelloAnswer {
  re: number;
  stream: string;
  seq: number;
  resumed: boolean;
  lease: LeaseState;
  state: AnnotationState | null;
}

/** One object over the cells. Of every cell: states, 0 no row, 1 predicted, 2 corrected, 3 accepted, 4 absent, the greatest that is there; visible, the share of its frames in 0 to 100; risk, the highest in 0 to 100, -1 where it is not known yet. anchors: at most one frame of a cell. stale: frames that pending prompts will track again. pending: frames with pending prompts. */
export interface LaneCells {
  object: number;
  states: Array<number>;
  visible: Array<number>;
  risk: Array<number>;
  anchors: Array<number>;
  pending: Array<number>;
  stale: Array<[number, number]>;
}

/** Cell k of `cells` begins at frame first + k * (end - first) / cells. risk_known: the share of the clip whose risk is known, in [0, 1]. */
export interface LanesAnswer {
  re: number;
  revision: number;
  first: number;
  end: number;
  cells: number;
  risk_known: number;
  lanes: Array<LaneCells>;
}

/** Lanes over frames [first, end) are others now. */
export interface LanesChangedEvent {
  seq: number;
  type: "lanes_changed";
  first: number;
  end: number;
}

export interface LeaseEvent {
  seq: number;
  type: "lease";
  lease: LeaseState;
}

/** mode: what this client may do. held: whether a client writes at all. watchers: how many others are there. */
export interface LeaseState {
  mode: "write" | "watch";
  held: boolean;
  watchers: number;
}

/** A line. Seen from `begin` to `end`, forward is from its left to its right. margin: how far beyond it a foot must be, in shares of the frame's shorter side. allowed: the only direction that is not the wrong way. */
export interface LineSettings {
  name: string;
  begin: [number, number];
  end: [number, number];
  labels?: Array<string>;
  forward?: string;
  backward?: string;
  allowed?: string | null;
  margin?: number;
}

export interface MakeEdit {
  id: number;
  type: "edit";
  edit: RenameWire | ColourWire | DeleteWire | MergeWire | SplitWire | AbsentWire | AcceptWire;
}

export interface MakeExport {
  id: number;
  type: "export";
  format: string;
}

export interface MakeReport {
  id: number;
  type: "report";
}

/** The whole mask as it is to be: what brush and eraser made of the one that was shown. It replaces all earlier prompts of the object on the frame. */
export interface MaskPrompt {
  kind: "mask";
  crop: WireCrop;
}

/** They become the first one. */
export interface MergeWire {
  kind: "merge";
  objects: Array<number>;
}

/** Two objects that come near each other: one of `labels` and one of `others`, empty for all. distance: between their feet, in metres with a ground, else in shares of the frame's shorter side. */
export interface NearSettings {
  name: string;
  labels?: Array<string>;
  others?: Array<string>;
  distance: number;
  enter_s?: number;
  leave_s?: number;
  update_s?: number;
}

/** An object. stored: whether the run has it; else it has pending prompts only. first_frame, last_frame: of the frames it is visible on, None if on none. */
export interface ObjectState {
  id: number;
  label: string | null;
  name: string | null;
  colour: string;
  first_frame: number | null;
  last_frame: number | null;
  stored: boolean;
}

/** What an edit, a prompt, undo or redo changed: lists as a whole. */
export interface ObjectsEvent {
  seq: number;
  type: "objects";
  revision: number;
  objects: Array<ObjectState>;
  pending: Array<PendingMark>;
  undo: StepTitle | null;
  redo: StepTitle | null;
}

/** A prompt that was not propagated yet. number: to take it away. prompt: None of a mask, an exemplar: their pixels stay with the server, and come as the mask of the frame. */
export interface PendingMark {
  number: number;
  object: number;
  frame: number;
  kind: "points" | "box" | "scribble" | "polygon" | "mask" | "text" | "exemplar";
  prompt: PointsPrompt | BoxPrompt | ScribblePrompt | PolygonPrompt | MaskPrompt | TextPrompt | ExemplarPrompt | null;
}

/** As in prompts.jsonl. */
export interface PointsPrompt {
  kind: "points";
  xy: Array<[number, number]>;
  positive: Array<boolean>;
}

/** As in prompts.jsonl. It replaces all earlier prompts of the object on the frame. */
export interface PolygonPrompt {
  kind: "polygon";
  rings: Array<Array<[number, number]>>;
}

/** The mask that a click here would give. Only the newest one is computed; older ones that wait are answered as superseded. box: instead of a point. */
export interface Preview {
  id: number;
  type: "preview";
  frame: number;
  object?: number | null;
  point?: [number, number] | null;
  box?: [number, number, number, number] | null;
  positive?: boolean;
}

/** superseded: a newer preview, view or prompt took its place, and no mask came. */
export interface PreviewAnswer {
  re: number;
  superseded: boolean;
}

/** The propagation goes on, at most some ten times a second. */
export interface ProgressEvent {
  seq: number;
  type: "progress";
  running: RunningPropagation;
}

/** The mask comes as a binary message. */
export interface PromptAnswer {
  re: number;
  object: number;
  number: number;
}

/** Track from pending prompts: of some objects or all (None), within [first, end). */
export interface Propagate {
  id: number;
  type: "propagate";
  objects?: Array<number> | null;
  direction?: "forward" | "backward" | "both";
  first?: number | null;
  end?: number | null;
}

export interface PropagateAnswer {
  re: number;
  job: number;
}

export interface Redo {
  id: number;
  type: "redo";
}

/** The same words as on the command line. */
export interface Refusal {
  title: string;
  detail: string;
  hint: string | null;
}

/** re: None where the message had no id that could be read. */
export interface RefusedAnswer {
  re: number | null;
  error: Refusal;
}

/** Take pending prompts away: all of an object on a frame, or one by its number. */
export interface RemovePrompts {
  id: number;
  type: "remove_prompts";
  object: number;
  frame: number;
  number?: number | null;
}

/** label: what the object is called. */
export interface RenameWire {
  kind: "rename";
  object: number;
  label: string;
}

/** span: None where nothing is left. left: how many there are, this one counted. */
export interface ReviewAnswer {
  re: number;
  span: RiskSpan | null;
  left: number;
}

/** The riskiest span that was neither accepted nor skipped: of this run, or of all runs of the folder. */
export interface ReviewNext {
  id: number;
  type: "review_next";
  everywhere?: boolean;
}

/** A stretch to check. run: of which run, to open it if it is another one. point: x, y inside the mask on the worst frame. */
export interface RiskSpan {
  run: string;
  object: number;
  label: string | null;
  first: number;
  end: number;
  worst_frame: number;
  risk: number;
  reasons: Array<string>;
  point: [number, number];
}

/** A propagation under way. done, total: frames; total is the most that may come. frame: tracked last. */
export interface RunningPropagation {
  job: number;
  done: number;
  total: number;
  frame: number | null;
  seconds: number;
}

/** They are these from now on. version: of the file that they change, as the last answer has it. */
export interface SaveZones {
  id: number;
  type: "save_zones";
  zones: ZoneFile;
  version: string;
}

/** As in prompts.jsonl: a line on the object, or beside it. */
export interface ScribblePrompt {
  kind: "scribble";
  xy: Array<[number, number]>;
  positive?: boolean;
}

/** The span of the review is left for later. */
export interface SkipRisk {
  id: number;
  type: "skip";
  run: string;
  object: number;
  first: number;
  end: number;
}

/** Frames [first, end) of an object. */
export interface Span {
  object: number;
  first: number;
  end: number;
}

/** From frame `at` on it is another object; the answer says which. */
export interface SplitWire {
  kind: "split";
  object: number;
  at: number;
}

/** What pending prompts will track again, at most. */
export interface StaleEvent {
  seq: number;
  type: "stale";
  spans: Array<Span>;
}

/** Everything may have changed: the run was written from outside, or an import came. */
export interface StateEvent {
  seq: number;
  type: "state";
  state: AnnotationState;
}

/** From the journal. seconds: at work, pauses above a minute left out. */
export interface StatisticsAnswer {
  re: number;
  prompts: number;
  points: number;
  edits: number;
  propagations: number;
  undone: number;
  frames_tracked: number;
  seconds: number;
  objects: number;
  accepted_spans: number;
  accepted_frames: number;
  corrected_spans: number;
  corrected_frames: number;
}

/** What was undone or redone; None where there was nothing. */
export interface StepAnswer {
  re: number;
  step: StepTitle | null;
}

/** What undo or redo would do, or did: where to jump to. */
export interface StepTitle {
  title: string;
  object: number | null;
  frame: number | null;
}

/** This client writes from now on; the one that did watches. */
export interface Takeover {
  id: number;
  type: "takeover";
}

/** What the object is; the best detection on the frame becomes its mask. */
export interface TextPrompt {
  kind: "text";
  phrase: string;
  threshold?: number | null;
}

export interface Undo {
  id: number;
  type: "undo";
}

/** This frame is shown: its masks come as binary messages, and then the answer. direction: where the user is going, for what is encoded ahead. */
export interface View {
  id: number;
  type: "view";
  frame: number;
  direction?: -1 | 0 | 1;
}

/** masks: how many came. superseded: this client shows another frame meanwhile. */
export interface ViewAnswer {
  re: number;
  frame: number;
  masks: number;
  superseded: boolean;
}

/** A mask: `runs` row by row within the box x, y, w, h, beginning with background. */
export interface WireCrop {
  x: number;
  y: number;
  w: number;
  h: number;
  runs: Array<number>;
}

export interface ZoneEventsAnswer {
  re: number;
  rows: Array<EventRow>;
}

/** Everything in zones.toml. unit: of all points of the image. size: width and height at which pixels were drawn, where it is not that of the frames. */
export interface ZoneFile {
  unit?: "fractions" | "pixels";
  size?: [number, number] | null;
  max_gap_s?: number;
  ground?: GroundSettings | null;
  zone?: Array<ZoneSettings>;
  line?: Array<LineSettings>;
  near?: Array<NearSettings>;
}

/** A zone. rule: "foot", the lowest part of the mask is inside, or "share", this share of its pixels is. labels: of the objects that count, empty for all. update_s: how often a stay is told again while it lasts. loiter_s, crowded_from and crowded_s, left_s, removed_s, heading, speed_limit: rules that are off unless given; seconds, objects, x y of the allowed direction in the image, metres a second. */
export interface ZoneSettings {
  name: string;
  polygon: Array<[number, number]>;
  labels?: Array<string>;
  rule?: "foot" | "share";
  share?: number;
  enter_s?: number;
  leave_s?: number;
  update_s?: number;
  loiter_s?: number | null;
  crowded_from?: number | null;
  crowded_s?: number;
  left_s?: number | null;
  removed_s?: number | null;
  still?: number;
  heading?: [number, number] | null;
  heading_angle?: number;
  speed_limit?: number | null;
}

/** What is in RUN/zones.toml; version: of that file, "" where there is none. warnings: of what does nothing as it is. */
export interface ZonesAnswer {
  re: number;
  zones: ZoneFile;
  version: string;
  warnings: Array<string>;
}

export type AnyRequest =
  | Hello
  | View
  | AddPrompt
  | RemovePrompts
  | Preview
  | AskAlternatives
  | MakeEdit
  | Propagate
  | Cancel
  | Undo
  | Redo
  | AskLanes
  | ReviewNext
  | AcceptRisk
  | SkipRisk
  | Takeover
  | MakeExport
  | MakeReport
  | AskStatistics
  | AskZones
  | SaveZones
  | AskZoneEvents;

export type AnyAnswer =
  | RefusedAnswer
  | DoneAnswer
  | HelloAnswer
  | ViewAnswer
  | PromptAnswer
  | PreviewAnswer
  | AlternativesAnswer
  | EditAnswer
  | PropagateAnswer
  | CancelAnswer
  | StepAnswer
  | LanesAnswer
  | ReviewAnswer
  | FileAnswer
  | StatisticsAnswer
  | ZonesAnswer
  | ZoneEventsAnswer;

export type AnyEvent =
  | StateEvent
  | ObjectsEvent
  | StaleEvent
  | ProgressEvent
  | DoneEvent
  | ErrorEvent
  | LeaseEvent
  | LanesChangedEvent;
