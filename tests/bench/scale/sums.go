package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A sum as a program has written it, and when it could be seen.
type seen struct {
	database string
	sum      int
	at       time.Time
}

// What is so, and what the program has written.
type world struct {
	client      *kubernetes.Clientset
	deployments []appsv1.Deployment // the first -count by name
	truth       map[string]int      // database → sum of replicas
	events      chan seen
}

// look counts the replicas and begins to watch the sums.
func look(ctx context.Context, client *kubernetes.Clientset) (*world, error) {
	w := &world{client: client, truth: map[string]int{}, events: make(chan seen, 100_000)}
	opts := metav1.ListOptions{Limit: 500}
	for {
		page, err := client.AppsV1().Deployments("").List(ctx, opts)
		if err != nil {
			return nil, err
		}
		for _, d := range page.Items {
			w.truth[d.Labels["example.com/database"]] += int(*d.Spec.Replicas)
			if len(w.deployments) < *count {
				w.deployments = append(w.deployments, d)
			}
		}
		if opts.Continue = page.Continue; opts.Continue == "" {
			break
		}
	}
	return w, w.watch(ctx)
}

func (w *world) watch(ctx context.Context) error {
	watch, err := w.client.CoreV1().ConfigMaps("default").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	go func() {
		for event := range watch.ResultChan() {
			now := time.Now()
			cm, ok := event.Object.(*corev1.ConfigMap)
			if !ok {
				continue
			}
			if database, ours := strings.CutPrefix(cm.Name, *prefix+"-"); ours {
				sum, _ := strconv.Atoi(cm.Data["replicas"])
				w.events <- seen{database, sum, now}
			}
		}
		close(w.events)
	}()
	return nil
}

// await returns when every database's sum could be seen to be right: the last of those sums.
func (w *world) await(ctx context.Context, databases ...string) (seen, error) {
	wrong := map[string]bool{}
	for _, d := range databases {
		wrong[d] = true
	}
	for {
		select {
		case <-ctx.Done():
			return seen{}, fmt.Errorf("these sums are still wrong: %v", slices.Collect(maps.Keys(wrong)))
		case event, ok := <-w.events:
			if !ok {
				return seen{}, fmt.Errorf("the watch has ended")
			}
			if event.sum != w.truth[event.database] {
				continue
			}
			delete(wrong, event.database)
			if len(wrong) == 0 {
				return event, nil
			}
		}
	}
}
