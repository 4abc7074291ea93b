// SPDX-License-Identifier: Apache-2.0
//
// H2Session: one client connection that speaks HTTP/2: reads and feeds, pulls frames and writes;
// floods, stalled streams and idle time are its business. It knows nothing of caching.
//
// Owner: the worker's list of sessions; it retires itself when its connection is over. Idle it
// holds no chunk and no stream. Worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "event/deadline.h"
#include "http/h2_codec.h"
#include "net/transport.h"
#include "proxy/h2_floods.h"
#include "proxy/h2_stream.h"
#include "proxy/session.h"

namespace weir::proxy {

struct Resources;
struct ListenPlace;

class H2Session final : public Session, private http::H2Guard {
public:
  /// Of a connection that has entered (Resources); it leaves with the session.
  H2Session(Resources& resources, const ListenPlace& place, const Ends& ends);
  ~H2Session() override;

  /// Takes a connection that is open already; it is looked at in the next run.
  void open(std::unique_ptr<net::Transport> transport);
  void run() override;
  void drain() override;
  void drain_after_first() override { drain(); }
  void end() override;

  // For its streams.
  http::H2Codec& codec() noexcept { return codec_; }
  const ListenPlace& place() const noexcept { return place_; }
  const Ends& ends() const noexcept { return ends_; }
  const net::TlsFacts* tls() const { return transport_->tls(); }
  const Ref<Chunk>& input() const noexcept { return input_; }
  event::Loop& loop() noexcept;
  /// There may be frames to send.
  void mark();
  /// Bytes of an answer's body are on their way; whether some were in the time of a body.
  void note_moved() noexcept { moved_ = Clock::mono(); }
  bool has_moved() const;
  /// It is waited for the client; false: what `pace` is of goes too slowly.
  bool keeps(Pace& pace) const;
  /// An answer has ended; `asked_all`: the request too. Else the client may stop sending it.
  void answered(std::int32_t id, bool asked_all);
  /// The codec knows the stream no more; `whole`: once the queue is written it is finished.
  void gone(H2Stream& stream, bool whole);

private:
  http::H2Peer* begin_stream(std::int32_t id) override;
  bool tolerates(http::H2Flood kind) override { return floods_.tolerates(kind); }
  void on_go_away(std::uint32_t error) override;

  bool read();
  bool write();
  bool keeps_up();
  void stop_uploads();
  bool sweep();
  void arm();
  void finish_written();
  void lose(const Error& why);
  void leave(const Error& why);
  bool drain_input();
  void abandon_streams(const Error& why);
  void note_end(std::string_view end);
  void give_back(H2Stream& stream);
  void close();

  Resources& resources_;
  const ListenPlace& place_;
  const Ends ends_;
  std::unique_ptr<net::Transport> transport_;
  http::H2Codec codec_;
  OutQueue out_;
  Ref<Chunk> input_;
  std::uint32_t input_end_ = 0;
  List<H2Stream, StreamTag> streams_;  // the codec knows them
  List<H2Stream, StreamTag> finished_; // their last frames are in out_
  event::Deadline deadline_;           // idle, or the next look at what waits
  event::Deadline head_deadline_;      // a head that has begun
  H2Floods floods_;
  std::vector<std::int32_t> stops_; // uploads that nobody needs any more
  std::size_t drained_ = 0;         // bytes that came after the end
  MonoTime wrote_{};                // when the client took a byte last, or owed none
  MonoTime moved_{};
  Pace pace_;         // of what the connection takes
  bool idle_ = false; // what deadline_ is armed for
  bool running_ = false;
  bool draining_ = false;
  bool broken_ = false; // nothing more is read; what is queued is sent, then it closes
  bool lingering_ = false;
  bool closed_ = false;
};

} // namespace weir::proxy
