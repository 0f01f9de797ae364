package protocol

import "fmt"

// Code says why a request was refused, a stream reset or a connection closed.
// It is the application error code of RFC 9000 section 20.2, and the code of a
// Refuse message. The list is closed and on the wire: never renumber, only add.
type Code uint64

// The codes.
const (
	CodeNone              Code = 0  // nothing wrong: done, or going away in order
	CodeViolation         Code = 1  // not what this specification allows
	CodeTooLarge          Code = 2  // a message or a number beyond its limit
	CodeCancelled         Code = 3  // no longer wanted
	CodeNotFound          Code = 4  // no such track, or not these chunks of it
	CodeBusy              Code = 5  // all upload slots are taken: ask again later
	CodeNotSharing        Code = 6  // this node does not upload
	CodeTooMany           Code = 7  // no place for another neighbour
	CodeCorrupt           Code = 8  // a chunk failed verification
	CodeInternal          Code = 9  // the fault is on this side
	CodeTooEarly          Code = 10 // not allowed in 0-RTT data
	CodeWrongRole         Code = 11 // only a server answers this
	CodeInvitationUnknown Code = 12 // no such invitation
	CodeInvitationUsed    Code = 13 // used as often as it allows
	CodeInvitationExpired Code = 14 // its time is over
	CodeDuplicate         Code = 15 // a second connection between the same two nodes
	CodeElsewhere         Code = 16 // another is sent these chunks now, and will pass them on
)

// String returns the code in words.
func (c Code) String() string {
	switch c {
	case CodeNone:
		return "done"
	case CodeViolation:
		return "protocol violation"
	case CodeTooLarge:
		return "too large"
	case CodeCancelled:
		return "cancelled"
	case CodeNotFound:
		return "not found"
	case CodeBusy:
		return "busy"
	case CodeNotSharing:
		return "not sharing"
	case CodeTooMany:
		return "too many neighbours"
	case CodeCorrupt:
		return "corrupt chunk"
	case CodeInternal:
		return "internal error"
	case CodeTooEarly:
		return "too early"
	case CodeWrongRole:
		return "not a server"
	case CodeInvitationUnknown:
		return "unknown invitation"
	case CodeInvitationUsed:
		return "invitation used up"
	case CodeInvitationExpired:
		return "invitation expired"
	case CodeDuplicate:
		return "already connected"
	case CodeElsewhere:
		return "sent elsewhere"
	}
	return fmt.Sprintf("code %d", uint64(c))
}

// Refused is the error of a request that the other side refused.
type Refused struct{ Code Code }

// Error returns the code in words.
func (r *Refused) Error() string { return "refused: " + r.Code.String() }

// Is matches another Refused of the same code.
func (r *Refused) Is(target error) bool {
	t, ok := target.(*Refused)
	return ok && t.Code == r.Code
}
