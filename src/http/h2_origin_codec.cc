// SPDX-License-Identifier: Apache-2.0
#include "http/h2_origin_codec.h"

#include <nghttp2/nghttp2.h>

#include <array>

#include "http/h2_values.h"

namespace weir::http {

namespace {

/// A head is known by its status: 0 before it, 1xx until the final one.
bool is_final(const ResponseHead& head) { return head.status >= 200; }

/// Fields of HTTP/1's connection (RFC 9113 §8.2.2). TE may say trailers.
bool goes_on(FieldId id, std::string_view value) {
  if (id == FieldId::te) {
    return iequals(value, "trailers");
  }
  return id != FieldId::host && !hop_by_hop_fields()[index(id)];
}

} // namespace

struct H2OriginCodec::Callbacks {
  static H2OriginCodec& of(void* user) { return *static_cast<H2OriginCodec*>(user); }
  static H2OriginPeer* peer(nghttp2_session* session, std::int32_t id) {
    return static_cast<H2OriginPeer*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2OriginCodec& self = of(user);
    self.incoming_ = nullptr;
    if (frame->hd.type != NGHTTP2_HEADERS) { // PUSH_PROMISE
      return nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
    }
    self.incoming_ = peer(session, frame->hd.stream_id);
    self.problem_ = {};
    self.unpacked_ = 0;
    if (self.incoming_ != nullptr) {
      self.trailers_ = is_final(self.incoming_->response());
      if (!self.trailers_) {
        self.incoming_->response().clear();
      }
    }
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    H2OriginCodec& self = of(user);
    if (self.incoming_ == nullptr) {
      return 0;
    }
    self.unpacked_ += name_size + value_size + 4;
    if (self.unpacked_ > kUnpackedMost * self.incoming_->limits().head) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    self.take_field(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }

  /// nghttp2 would leave the field out: here it is a fault of the whole head (W2.1, W2.2).
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                            std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
                            void* user) {
    of(user).problem_ = {Code::malformed, Side::origin};
    return 0;
  }

  static int frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2OriginCodec& self = of(user);
    H2OriginPeer* stream = peer(session, frame->hd.stream_id);
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      self.head_done(frame->hd.stream_id, ends_stream(frame));
      return 0;
    case NGHTTP2_DATA:
      if (frame->hd.length == 0 && !ends_stream(frame)) {
        return self.tolerate(H2Flood::empty_data);
      }
      if (stream != nullptr) {
        stream->on_received(9 + frame->hd.length);
        if (ends_stream(frame)) {
          stream->on_end({});
        }
      }
      return 0;
    case NGHTTP2_RST_STREAM:
      return self.tolerate(H2Flood::reset);
    case NGHTTP2_PING:
      return self.tolerate(H2Flood::ping);
    case NGHTTP2_SETTINGS:
      if (!self.settled_ && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
        self.settled_ = true;
        self.guard_.on_settings();
      }
      return self.tolerate(H2Flood::settings);
    case NGHTTP2_WINDOW_UPDATE:
      return self.tolerate(H2Flood::window_update);
    default:
      return 0;
    }
  }

  static int frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      of(user).guard_.on_go_away(frame->goaway.error_code);
    }
    bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    H2OriginPeer* stream = carries ? peer(session, frame->hd.stream_id) : nullptr;
    if (stream != nullptr && ends_stream(frame)) {
      stream->on_all_sent();
    }
    return 0;
  }

  static int data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                        const std::uint8_t* data, std::size_t size, void*) {
    if (H2OriginPeer* stream = peer(session, id)) {
      stream->on_data(text_of(data, size));
    } else {
      nghttp2_session_consume(session, id, size);
    }
    return 0;
  }

  static int stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error,
                          void* user) {
    H2OriginCodec& self = of(user);
    self.open_ -= static_cast<std::uint32_t>(id) % 2; // ours, not one that was promised
    if (H2OriginPeer* stream = peer(session, id)) {
      self.incoming_ = self.incoming_ == stream ? nullptr : self.incoming_;
      nghttp2_session_set_stream_user_data(session, id, nullptr);
      stream->on_closed(error);
    }
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t*,
                           std::size_t length, std::uint32_t* flags, nghttp2_data_source*,
                           void* user) {
    H2OriginCodec& self = of(user);
    H2OriginPeer* stream = peer(session, id);
    if (stream == nullptr) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    Pull got = stream->pull_body(self.piece_, length);
    if (got == Pull::failed) {
      self.piece_.clear();
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // RST_STREAM: what was sent is not all
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (got == Pull::end) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (submit_trailers(session, id, stream->own_trailers())) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      }
    } else if (self.piece_.empty()) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(self.piece_.bytes());
  }

  static bool submit_trailers(nghttp2_session* session, std::int32_t id, const Fields& trailers) {
    Values values;
    for (const Field& field : trailers) {
      values.push_back(pair(field.name, field.value));
    }
    return !values.empty() &&
           nghttp2_submit_trailer(session, id, values.data(), values.size()) == 0;
  }

  static int send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* header,
                       std::size_t, nghttp2_data_source*, void* user) {
    H2OriginCodec& self = of(user);
    if (self.out_ == nullptr || self.out_->slots_free() < H2Frames::kSlotsForData) {
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    if (H2OriginPeer* stream = peer(session, frame->hd.stream_id)) {
      stream->on_sent(9 + self.piece_.bytes());
    }
    self.frames_.add_data(*self.out_, text_of(header, 9), self.piece_);
    return 0;
  }
};

H2OriginCodec::H2OriginCodec(H2OriginGuard& guard, const H2Settings& settings) : guard_(guard) {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* option = nullptr;
  if (nghttp2_session_callbacks_new(&calls) != 0 || nghttp2_option_new(&option) != 0) {
    panic("out of memory");
  }
  nghttp2_session_callbacks_set_on_begin_headers_callback(calls, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(calls, Callbacks::header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(calls, Callbacks::invalid_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, Callbacks::frame_recv);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls, Callbacks::frame_send);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, Callbacks::data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, Callbacks::stream_close);
  nghttp2_session_callbacks_set_send_data_callback(calls, Callbacks::send_data);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, 256 * 1024);
  int made = nghttp2_session_client_new3(&session_, calls, this, option, h2_memory());
  nghttp2_session_callbacks_del(calls);
  nghttp2_option_del(option);
  if (made != 0) {
    panic("out of memory");
  }
  const std::array<nghttp2_settings_entry, 3> entries = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.head},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(settings.connection_window));
}

H2OriginCodec::~H2OriginCodec() { nghttp2_session_del(session_); }

Result<void> H2OriginCodec::feed(std::string_view bytes) {
  ssize_t n = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
  if (n < 0) {
    bool flood = n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_CALLBACK_FAILURE ||
                 n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS || n == NGHTTP2_ERR_TOO_MANY_SETTINGS;
    go_away(flood ? H2Error::calm : H2Error::protocol);
    return weir::fail(flood ? Code::overloaded : Code::malformed, Side::origin);
  }
  return {};
}

bool H2OriginCodec::pull(OutQueue& out) {
  out_ = &out;
  bool good = true;
  while (out.slots_free() >= H2Frames::kSlotsForData) {
    const std::uint8_t* data = nullptr;
    ssize_t n = nghttp2_session_mem_send(session_, &data);
    if (n <= 0) {
      good = n == 0;
      break;
    }
    frames_.add(out, text_of(data, static_cast<std::size_t>(n)));
  }
  frames_.flush(out);
  out_ = nullptr;
  return good;
}

bool H2OriginCodec::is_over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

bool H2OriginCodec::is_leaving() const {
  return nghttp2_session_check_request_allowed(session_) == 0;
}

bool H2OriginCodec::has_room() const {
  std::uint32_t allowed =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return open_ < std::min(kMostStreams, allowed) && !is_leaving();
}

bool H2OriginCodec::takes_extended_connect() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) ==
         1;
}

// What comes

int H2OriginCodec::tolerate(H2Flood kind) {
  return guard_.tolerates(kind) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void H2OriginCodec::take_field(std::string_view name, std::string_view value) {
  const HeadLimits& limits = incoming_->limits();
  ResponseHead& head = incoming_->response();
  Fields& fields = trailers_ ? incoming_->trailer_fields() : head.fields;
  if (unpacked_ > limits.head || name.size() + value.size() > limits.field ||
      fields.size() >= limits.fields) {
    problem_ = {Code::head_too_large, Side::origin};
  }
  if (problem_.code != Code::none) {
    return;
  }
  if (name[0] == ':') { // nghttp2 lets only one through, and in heads only
    auto status = parse_decimal(value);
    if (name != ":status" || !status || value.size() != 3 || *status < 100) {
      problem_ = {Code::malformed, Side::origin};
      return;
    }
    head.status = static_cast<int>(*status);
    return;
  }
  if (!is_field_value(value)) {
    problem_ = {Code::malformed, Side::origin};
    return;
  }
  Arena& arena = incoming_->arena();
  Field field{{}, {}, field_id(name)};
  field.name = field.id == FieldId::other ? arena.copy(name) : http::name(field.id);
  field.value = arena.copy(trim(value));
  fields.add(field, arena);
}

void H2OriginCodec::head_done(std::int32_t id, bool end) {
  H2OriginPeer* stream = incoming_;
  incoming_ = nullptr;
  if (stream == nullptr) {
    return;
  }
  stream->on_received(9 + unpacked_);
  if (problem_.code != Code::none) {
    forget(id, *stream, H2Error::protocol);
    trailers_ ? stream->on_end(weir::fail(problem_)) : stream->on_head(weir::fail(problem_), end);
    return;
  }
  if (trailers_) {
    remove_forbidden_trailers(stream->trailer_fields());
    stream->on_end({});
    return;
  }
  incoming_ = stream;
  Result<void> good = finish_head(end);
  incoming_ = nullptr;
  if (!good) {
    forget(id, *stream, H2Error::protocol);
  }
  stream->on_head(good, end);
}

/// The same form as an HTTP/1 head has: what has no length lasts until the stream ends (W6.2).
Result<void> H2OriginCodec::finish_head(bool end) {
  ResponseHead& head = incoming_->response();
  head.minor_version = 1;
  head.reason = {};
  if (head.fields.has(FieldId::transfer_encoding) || head.fields.has(FieldId::connection)) {
    return weir::fail(Code::malformed, Side::origin); // RFC 9113 §8.2.2
  }
  if (auto good = set_response_framing(head, incoming_->method()); !good) {
    return good;
  }
  bool empty = head.framing == Framing{Framing::Kind::length, 0};
  if (head.framing.kind == Framing::Kind::until_close || (empty && !end)) { // trailers may come
    head.framing = end ? Framing{Framing::Kind::length, 0} : Framing{Framing::Kind::chunked, 0};
  }
  if (end && head.framing.has_body()) {
    return weir::fail(Code::malformed, Side::origin); // Content-Length, and nothing comes
  }
  return {};
}

// What goes

std::int32_t H2OriginCodec::request(H2OriginPeer& peer, std::string_view head,
                                    std::string_view scheme, bool has_body,
                                    std::string_view protocol) {
  std::string_view line = take_line(head);
  std::size_t blank = line.find(' ');
  std::string_view target = line.substr(blank + 1, line.rfind(' ') - blank - 1);
  Values values;
  values.reserve(32);
  values.push_back(pair(":method", protocol.empty() ? line.substr(0, blank) : "CONNECT"));
  values.push_back(pair(":scheme", scheme));
  values.push_back(pair(":authority", {}));
  values.push_back(pair(":path", target));
  if (!protocol.empty()) {
    values.push_back(pair(":protocol", protocol));
  }
  while (!head.empty()) {
    line = take_line(head);
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue; // the empty line
    }
    std::string_view name = line.substr(0, colon);
    std::string_view value = trim(line.substr(colon + 1));
    FieldId id = field_id(name);
    if (id == FieldId::host) {
      values[2] = pair(":authority", value);
    } else if (goes_on(id, value)) {
      values.push_back(pair(name, value));
    }
  }
  if (is_leaving()) {
    return 0;
  }
  nghttp2_data_provider body{};
  body.read_callback = Callbacks::read_body;
  std::int32_t id = nghttp2_submit_request(session_, nullptr, values.data(), values.size(),
                                           has_body ? &body : nullptr, &peer);
  if (id <= 0) {
    return 0;
  }
  ++open_;
  peer.on_sent(size_of(values)); // before HPACK
  return id;
}

void H2OriginCodec::resume(std::int32_t id) { nghttp2_session_resume_data(session_, id); }

void H2OriginCodec::consumed(std::int32_t id, std::size_t bytes) {
  nghttp2_session_consume(session_, id, bytes);
}

void H2OriginCodec::dropped(std::size_t bytes) {
  nghttp2_session_consume_connection(session_, bytes);
}

void H2OriginCodec::forget(std::int32_t id, H2OriginPeer& peer, H2Error error) {
  incoming_ = incoming_ == &peer ? nullptr : incoming_;
  nghttp2_session_set_stream_user_data(session_, id, nullptr);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(error));
}

void H2OriginCodec::go_away(H2Error error) {
  if (error == H2Error::none) {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, 0, 0, nullptr, 0);
  } else {
    nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(error));
  }
}

} // namespace weir::http
