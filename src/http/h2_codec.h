// SPDX-License-Identifier: Apache-2.0
//
// H2Codec: one HTTP/2 connection of a client (RFC 9113), nghttp2 behind push and pull.
//
// Bytes that came are fed; frames to send are pulled into an OutQueue. nghttp2 owns framing, HPACK,
// windows and the order of streams (RFC 9218). What it refuses by itself (W10.1) is reset there;
// what the shared validators refuse comes out as a bad head. Heads are bounded while they are
// unpacked. Owner: an H2Session; its thread. H2Peer and H2Guard are called from within feed() and
// pull() only, and may call the codec's other functions from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/chunk.h"
#include "base/result.h"
#include "http/h1_parser.h"
#include "http/h2_frames.h"
#include "http/message.h"

struct nghttp2_session;

namespace weir::http {

/// RFC 9113 §7, those that are used here.
enum class H2Error : std::uint32_t {
  none = 0,
  protocol = 1,
  internal = 2,
  refused_stream = 7,
  cancel = 8,
  calm = 11, // ENHANCE_YOUR_CALM
  http_1_1_required = 13,
};

/// What a client can send too much of (W10.4).
enum class H2Flood : std::uint8_t { reset, ping, settings, priority, window_update, empty_data };

struct H2Settings {
  std::uint32_t streams = 100;               // at a time
  std::uint32_t stream_window = 128 * 1024;  // bytes of a body that may wait for its consumer
  std::uint32_t connection_window = 1 << 20; // of all of them together
  std::uint32_t head = 64 * 1024;            // announced; HeadLimits decide
};

/// One stream, as its session sees it.
class H2Peer {
public:
  virtual ~H2Peer() = default;
  // Where the request goes, bytes copied into the arena.
  virtual RequestHead& head() = 0;
  virtual Arena& arena() = 0;
  virtual const HeadLimits& limits() const = 0;
  virtual Fields& trailer_fields() = 0;
  /// The head is complete, or why it is not usable. `end`: there is no body.
  virtual void on_head(const Result<void>& good, bool end) = 0;
  /// Views into what is being fed.
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_end() = 0;
  /// The stream is over: its last call. `none`: both directions ended.
  virtual void on_closed(std::uint32_t error) = 0;
  /// Body of the answer, at most `room`.
  virtual Pull pull_body(OutQueue& out, std::size_t room) = 0;
  virtual const Fields& own_trailers() = 0;
  virtual void on_sent(std::size_t bytes) = 0;
};

/// The connection, as the codec sees it.
class H2Guard {
public:
  virtual ~H2Guard() = default;
  /// A client begins a request. Null: it is refused.
  virtual H2Peer* begin_stream(std::int32_t id) = 0;
  /// False: that was one too many; the connection ends with GOAWAY.
  virtual bool tolerates(H2Flood kind) = 0;
  /// GOAWAY goes out for what the client did: its code (RFC 9113 §7).
  virtual void on_go_away(std::uint32_t error) = 0;
};

class H2Codec {
public:
  H2Codec(H2Guard& guard, const H2Settings& settings);
  ~H2Codec();
  H2Codec(const H2Codec&) = delete;
  H2Codec& operator=(const H2Codec&) = delete;

  /// Fails when the connection is of no more use; a GOAWAY may be there to pull.
  Result<void> feed(std::string_view bytes);
  /// Puts frames into the queue while there is room. False: the connection has failed.
  bool pull(OutQueue& out);
  /// Nothing is to come and nothing to be sent.
  bool is_over() const;
  /// A head has begun and is not complete.
  bool in_head() const noexcept { return incoming_ != nullptr; }

  // A stream. `head`: status line and fields as HTTP/1 has them; `more`: further field lines.
  void respond(std::int32_t id, int status, std::string_view head, std::string_view more,
               const Framing& framing, bool has_body);
  void informational(std::int32_t id, std::string_view head);
  /// There is something to pull again.
  void resume(std::int32_t id);
  /// The client lets the stream send more than `beside`, the connection aside.
  bool has_room(std::int32_t id, std::size_t beside = 0) const;
  /// The window of the connection is open.
  bool has_room() const;
  void reset(std::int32_t id, H2Error error);
  /// So many bytes of the body were taken: the client may send as many.
  void consumed(std::int32_t id, std::size_t bytes);
  /// The same of a stream that is over.
  void dropped(std::size_t bytes);

  /// No further stream; those there go on.
  void go_away(H2Error error);

private:
  struct Callbacks;
  friend struct Callbacks;
  Result<void> finish_head();
  void take_field(std::string_view name, std::string_view value);
  void head_done(H2Peer* stream, std::int32_t id, bool end);
  int tolerate(H2Flood kind);
  bool note_number(std::int32_t id);
  void submit_trailers(std::int32_t id, const Fields& trailers, std::uint32_t& flags);

  H2Guard& guard_;
  nghttp2_session* session_ = nullptr;
  OutQueue* out_ = nullptr; // while in pull()
  OutQueue piece_{4};       // of the DATA frame in work
  H2Frames frames_;
  std::int32_t overflown_ = 0;    // a stream whose window an update has pushed too far
  std::int32_t last_number_ = -1; // of the client's streams
  std::vector<std::pair<std::int32_t, std::int32_t>> left_out_; // numbers between these

  // The head in work: one at a time on a connection.
  H2Peer* incoming_ = nullptr;
  bool trailers_ = false;
  Error problem_;
  std::size_t unpacked_ = 0;
  std::string_view method_, scheme_, authority_, path_, protocol_;
  std::string cookies_;
};

} // namespace weir::http
