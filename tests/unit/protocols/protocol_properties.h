// What holds for every protocol, whatever it is: written once, run over a corpus of conversations. A protocol's test
// builds the corpus and calls check_all<P>(corpus).
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "session_harness.h"

namespace telegen::testing {

struct Piece {
  Direction direction;
  std::string bytes;
};
struct Conversation {
  std::string name;
  std::vector<Piece> pieces;
};

template <Protocol P>
class Properties {
 public:
  explicit Properties(const Conversation& conversation) : pieces_(conversation.pieces) {
    Feeder<P> feeder;
    for (const Piece& piece : pieces_) feeder.bytes(piece.direction, piece.bytes);
    feeder.close();
    truth_ = std::move(feeder.out);
    for (const Exchange& e : truth_.exchanges) {
      summaries_.push_back(summary(e));
      positions_.insert(e.request.position);
    }
  }

  void check_all() {
    ASSERT_FALSE(summaries_.empty());
    ASSERT_TRUE(truth_.losses.empty());
    split_invariance();
    determinism();
    recovery_after_garbage();
    mid_stream_start();
    truncation();
    gap_tolerance();
    bounded_memory();
  }

 private:
  static std::vector<std::string> summaries_of(const Recorder& out) {
    std::vector<std::string> all;
    for (const Exchange& e : out.exchanges) all.push_back(summary(e));
    return all;
  }

  // Any chunking gives the same exchanges, times aside; nothing is held at the end.
  void split_invariance() {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      Random random(seed);
      const std::size_t most = seed == 0 ? 1 : 1 + random.next() % 200;
      Feeder<P> feeder;
      for (const Piece& piece : pieces_) {
        for (std::size_t at = 0; at < piece.bytes.size();) {
          const std::size_t size = 1 + random.next() % most;
          feeder.bytes(piece.direction, Bytes(piece.bytes).substr(at, size));
          at += std::min(size, piece.bytes.size() - at);
        }
      }
      feeder.close();
      EXPECT_EQ(summaries_of(feeder.out), summaries_) << "pieces of at most " << most;
      EXPECT_EQ(feeder.out.requests.size(), truth_.requests.size());
      EXPECT_TRUE(feeder.out.losses.empty());
    }
  }

  void determinism() {
    Feeder<P> feeder;
    for (const Piece& piece : pieces_) feeder.bytes(piece.direction, piece.bytes);
    feeder.close();
    ASSERT_EQ(summaries_of(feeder.out), summaries_);
    for (std::size_t i = 0; i < truth_.exchanges.size(); ++i) {
      EXPECT_EQ(feeder.out.exchanges[i].end, truth_.exchanges[i].end);
      EXPECT_EQ(feeder.out.exchanges[i].request.first_byte, truth_.exchanges[i].request.first_byte);
    }
  }

  // Garbage, then the conversation: all but what stood open is found again.
  void recovery_after_garbage() {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      Random random(seed);
      std::string garbage;
      for (std::size_t n = 1 + random.next() % 300; n > 0; --n) garbage += static_cast<char>(random.next() % 256);
      garbage[0] = '\x01';
      Feeder<P> feeder;
      feeder.in(garbage).sent(garbage);
      feeder.positions[0] = 1000;
      feeder.positions[1] = 5000;
      for (const Piece& piece : pieces_) feeder.bytes(piece.direction, piece.bytes);
      feeder.close();
      EXPECT_EQ(summaries_of(feeder.out), summaries_);
    }
  }

  // An agent that starts at any byte sees a part of the truth and nothing else.
  void mid_stream_start() {
    const std::set<std::string> truth(summaries_.begin(), summaries_.end());
    for (std::size_t first = 0; first < pieces_.size(); ++first) {
      for (std::size_t cut = 0; cut <= pieces_[first].bytes.size(); ++cut) {
        Feeder<P> feeder;
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
          const std::size_t skip = i < first ? pieces_[i].bytes.size() : i == first ? cut : 0;
          feeder.position(pieces_[i].direction) += skip;
          feeder.bytes(pieces_[i].direction, Bytes(pieces_[i].bytes).substr(skip));
        }
        feeder.close();
        for (const Exchange& e : feeder.out.exchanges) {
          EXPECT_TRUE(truth.contains(summary(e))) << "start at " << cut << " of piece " << first << ": " << summary(e);
        }
      }
    }
  }

  // A conversation that breaks off invents nothing: every exchange is one of the true requests.
  void truncation() {
    for (std::size_t last = 0; last < pieces_.size(); ++last) {
      for (std::size_t cut = 0; cut <= pieces_[last].bytes.size(); ++cut) {
        Feeder<P> feeder;
        for (std::size_t i = 0; i < last; ++i) feeder.bytes(pieces_[i].direction, pieces_[i].bytes);
        feeder.bytes(pieces_[last].direction, Bytes(pieces_[last].bytes).substr(0, cut));
        feeder.close();
        expect_known_requests(feeder.out);
        EXPECT_FALSE(feeder.session.wants_tick());
        EXPECT_EQ(feeder.out.requests.size(), feeder.out.exchanges.size() + feeder.out.lost.size());
      }
    }
  }

  void gap_tolerance() {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      Random random(seed);
      const std::uint64_t one_in = 2 + random.next() % 10;
      Feeder<P> feeder;
      for (const Piece& piece : pieces_) {
        for (std::size_t at = 0; at < piece.bytes.size();) {
          const std::size_t size = std::min<std::size_t>(1 + random.next() % 120, piece.bytes.size() - at);
          if (random.next() % 8 == 0) feeder.tick(std::chrono::seconds(random.next() % 8));
          if (random.next() % one_in == 0) {
            feeder.gap(piece.direction, size);
          } else {
            feeder.bytes(piece.direction, Bytes(piece.bytes).substr(at, size));
          }
          at += size;
        }
      }
      feeder.close();
      expect_known_requests(feeder.out);
      EXPECT_EQ(feeder.out.requests.size(), feeder.out.exchanges.size() + feeder.out.lost.size());
    }
  }

  // A megabyte that never completes a frame is not kept.
  void bounded_memory() {
    const Limits limits{.frame_bytes = 4096, .in_flight = 16};
    for (std::size_t cut = 1; cut <= pieces_[0].bytes.size(); cut += 3) {
      Feeder<P> feeder(limits);
      feeder.bytes(pieces_[0].direction, Bytes(pieces_[0].bytes).substr(0, cut));
      const std::string flood(512, 'a');
      for (int i = 0; i < 2000; ++i) {
        feeder.bytes(pieces_[0].direction, flood);
        ASSERT_LE(feeder.session.held_bytes(), 48u * 1024);
      }
    }
  }

  void expect_known_requests(const Recorder& out) {
    std::set<std::uint64_t> seen;
    for (const Exchange& e : out.exchanges) {
      EXPECT_TRUE(positions_.contains(e.request.position)) << "invented: " << summary(e);
      EXPECT_TRUE(seen.insert(e.request.position).second) << "reported twice: " << summary(e);
    }
  }

  std::vector<Piece> pieces_;
  Recorder truth_;
  std::vector<std::string> summaries_;
  std::set<std::uint64_t> positions_;
};

template <Protocol P>
void check_properties(const std::vector<Conversation>& corpus) {
  for (const Conversation& conversation : corpus) {
    SCOPED_TRACE(conversation.name);
    Properties<P>(conversation).check_all();
  }
}

}  // namespace telegen::testing
