package control

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"earshot/protocol"
)

// maxPicture bounds a cover, in bytes: scans of booklets have a few MB.
const maxPicture = 8 << 20

// cover answers with a track's cover.
func (s *server) cover(w http.ResponseWriter, r *http.Request) {
	id, err := protocol.ParseID(r.PathValue("id"))
	if err != nil {
		fail(w, fmt.Errorf("%w: %w", errBadRequest, err))
		return
	}
	picture, err := s.node.Cover(r.Context(), id)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream") // whose file it is, nobody knows
	w.Write(picture)
}

// Cover implements Node.
func (c *Client) Cover(ctx context.Context, id protocol.ID) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, "/v1/tracks/"+id.String()+"/cover", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	picture, err := io.ReadAll(io.LimitReader(resp.Body, maxPicture+1))
	if err != nil {
		return nil, fmt.Errorf("reading a cover: %w", err)
	}
	if len(picture) > maxPicture {
		return nil, errTooLong
	}
	return picture, nil
}
