// SPDX-License-Identifier: Apache-2.0
//
// H2OriginCodec: one HTTP/2 connection to an origin (RFC 9113), nghttp2 behind push and pull; the
// other side of H2Codec.
//
// Bytes that came are fed; frames to send are pulled into an OutQueue. nghttp2 owns framing, HPACK
// and windows, and resets what it finds malformed; what the validators of HTTP/1 answers refuse
// comes out as a bad head. Nothing may be pushed. Windows open only as bodies are taken. Owner: an
// H2Origin; its thread. H2OriginPeer and H2OriginGuard are called from within feed() and pull()
// only, and may call the codec's other functions from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/chunk.h"
#include "base/result.h"
#include "http/h1_parser.h"
#include "http/h2_codec.h"
#include "http/h2_frames.h"
#include "http/message.h"

struct nghttp2_session;

namespace weir::http {

/// One stream, as who asked sees it.
class H2OriginPeer {
public:
  virtual ~H2OriginPeer() = default;
  // Of the request.
  virtual Method method() const = 0;
  /// Body of the request, at most `room`.
  virtual Pull pull_body(OutQueue& out, std::size_t room) = 0;
  virtual const Fields& own_trailers() = 0;
  virtual void on_sent(std::size_t bytes) = 0;
  /// The origin is sent the end of the request.
  virtual void on_all_sent() = 0;

  // Where the answer goes, bytes copied into the arena.
  virtual ResponseHead& response() = 0;
  virtual Arena& arena() = 0;
  virtual const HeadLimits& limits() const = 0;
  virtual Fields& trailer_fields() = 0;
  virtual void on_received(std::size_t bytes) = 0;
  /// A head is complete, interim ones among them, or why it is not usable: then nothing follows.
  /// `end`: there is no body.
  virtual void on_head(const Result<void>& good, bool end) = 0;
  /// Views into what is being fed.
  virtual void on_data(std::string_view bytes) = 0;
  /// The answer is whole, or its trailers are not usable.
  virtual void on_end(const Result<void>& good) = 0;
  /// The stream is over: its last call. `refused_stream`: the origin has not looked at it.
  virtual void on_closed(std::uint32_t error) = 0;
};

/// The connection, as the codec sees it.
class H2OriginGuard {
public:
  virtual ~H2OriginGuard() = default;
  /// What the origin allows has been said.
  virtual void on_settings() = 0;
  /// False: that was one too many; the connection ends with GOAWAY.
  virtual bool tolerates(H2Flood kind) = 0;
  /// GOAWAY goes out for what the origin did: its code (RFC 9113 §7).
  virtual void on_go_away(std::uint32_t error) = 0;
};

class H2OriginCodec {
public:
  /// Most requests at a time, whatever the origin allows.
  static constexpr std::uint32_t kMostStreams = 100;

  /// `settings.streams` is not used; the window of the connection should hold those of all
  /// streams, else an answer that nobody takes stops the others.
  H2OriginCodec(H2OriginGuard& guard, const H2Settings& settings);
  ~H2OriginCodec();
  H2OriginCodec(const H2OriginCodec&) = delete;
  H2OriginCodec& operator=(const H2OriginCodec&) = delete;

  /// Fails when the connection is of no more use; a GOAWAY may be there to pull.
  Result<void> feed(std::string_view bytes);
  /// Puts frames into the queue while there is room. False: the connection has failed.
  bool pull(OutQueue& out);
  /// Nothing is to come and nothing to be sent.
  bool is_over() const;

  /// Another request may begin: no GOAWAY, and the origin has room for it.
  bool has_room() const;
  /// No request may begin any more, whatever ends.
  bool is_leaving() const;
  /// Its SETTINGS allow an extended CONNECT (RFC 8441 §3).
  bool takes_extended_connect() const;
  /// Streams not closed yet.
  std::uint32_t open() const noexcept { return open_; }

  /// `head`: request line and fields as HTTP/1 has them; what belongs to its connection is left
  /// out, Host becomes :authority. `protocol`: not empty: it goes out as an extended CONNECT for
  /// that, whatever its method (RFC 8441 §4). The stream's number; 0: none can begin.
  std::int32_t request(H2OriginPeer& peer, std::string_view head, std::string_view scheme,
                       bool has_body, std::string_view protocol = {});
  /// There is something to pull again.
  void resume(std::int32_t id);
  /// So many bytes of the body were taken: the origin may send as many.
  void consumed(std::int32_t id, std::size_t bytes);
  /// The same of a stream that is over.
  void dropped(std::size_t bytes);
  /// Ends the stream; its peer hears no more of it.
  void forget(std::int32_t id, H2OriginPeer& peer, H2Error error);
  void go_away(H2Error error);

private:
  struct Callbacks;
  friend struct Callbacks;
  void take_field(std::string_view name, std::string_view value);
  void head_done(std::int32_t id, bool end);
  Result<void> finish_head(bool end);
  int tolerate(H2Flood kind);

  H2OriginGuard& guard_;
  nghttp2_session* session_ = nullptr;
  std::uint32_t open_ = 0;
  bool settled_ = false;    // SETTINGS came
  OutQueue* out_ = nullptr; // while in pull()
  OutQueue piece_{4};       // of the DATA frame in work
  H2Frames frames_;

  // The head in work: one at a time on a connection.
  H2OriginPeer* incoming_ = nullptr;
  bool trailers_ = false;
  Error problem_;
  std::size_t unpacked_ = 0;
};

} // namespace weir::http
