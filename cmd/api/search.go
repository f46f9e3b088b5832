package main

import (
	"github.com/gin-gonic/gin"

	"twigz/models"
)

func (s *server) listPayments(c *gin.Context) (any, error) {
	limit, err := pageLimit(c)
	if err != nil {
		return nil, err
	}
	payments, next, err := s.db.SearchPayments(c.Request.Context(), models.SearchQuery{
		Text: c.Query("q"), Status: c.Query("status"), After: c.Query("after"), Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	answer := gin.H{"payments": payments}
	if next != "" {
		answer["next"] = next
	}
	return answer, nil
}
