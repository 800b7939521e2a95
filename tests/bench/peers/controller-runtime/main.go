// The benchmark's job with controller-runtime: watch all Deployments, keep one ConfigMap per
// database with the sum of replicas.
//
//	controller-runtime PREFIX          typed cache, every default
//	controller-runtime -tuned PREFIX   what its documentation offers for large clusters
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const databaseLabel = "example.com/database"

type reconciler struct {
	client.Client
	prefix string
	which  func(database string) client.ListOption
}

func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	var deployments appsv1.DeploymentList
	if err := r.List(ctx, &deployments, r.which(req.Name)); err != nil {
		return reconcile.Result{}, err
	}
	sum := 0
	for i := range deployments.Items {
		if n := deployments.Items[i].Spec.Replicas; n != nil {
			sum += int(*n)
		}
	}
	configMap := corev1ac.ConfigMap(r.prefix+"-"+req.Name, "default").
		WithData(map[string]string{"replicas": strconv.Itoa(sum)})
	return reconcile.Result{}, r.Apply(ctx, configMap, client.FieldOwner(r.prefix), client.ForceOwnership)
}

func databaseOf(_ context.Context, o client.Object) []reconcile.Request {
	database := o.GetLabels()[databaseLabel]
	if database == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: database}}}
}

// Keeps what the job needs and nothing else.
func transform(o any) (any, error) {
	if d, ok := o.(*appsv1.Deployment); ok {
		kept := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name,
			UID: d.UID, ResourceVersion: d.ResourceVersion,
			Labels: map[string]string{databaseLabel: d.Labels[databaseLabel]}}}
		kept.Spec.Replicas = d.Spec.Replicas
		return kept, nil
	}
	return o, nil
}

func run(prefix string, tuned bool) error {
	ctx := ctrl.SetupSignalHandler()
	options := ctrl.Options{Metrics: server.Options{BindAddress: "0"}}
	r := &reconciler{prefix: prefix}
	r.which = func(database string) client.ListOption { return client.MatchingLabels{databaseLabel: database} }
	workers := controller.Options{}
	if tuned {
		yes := true
		options.Cache.DefaultTransform = transform
		options.Cache.ByObject = map[client.Object]cache.ByObject{&appsv1.Deployment{}: {UnsafeDisableDeepCopy: &yes}}
		r.which = func(database string) client.ListOption { return client.MatchingFields{databaseLabel: database} }
		workers.MaxConcurrentReconciles = 10
	}
	mgr, err := ctrl.NewManager(ctrl.GetConfigOrDie(), options)
	if err != nil {
		return err
	}
	r.Client = mgr.GetClient()
	if tuned {
		index := func(o client.Object) []string { return []string{o.GetLabels()[databaseLabel]} }
		if err := mgr.GetFieldIndexer().IndexField(ctx, &appsv1.Deployment{}, databaseLabel, index); err != nil {
			return err
		}
	}
	err = ctrl.NewControllerManagedBy(mgr).Named("databases").WithOptions(workers).
		Watches(&appsv1.Deployment{}, handler.EnqueueRequestsFromMapFunc(databaseOf)).Complete(r)
	if err != nil {
		return err
	}
	err = mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		// Asking for the informer waits until it has synced.
		if _, err := mgr.GetCache().GetInformer(ctx, &appsv1.Deployment{}); err != nil {
			return err
		}
		fmt.Println("synced")
		return nil
	}))
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func main() {
	tuned := flag.Bool("tuned", false, "what the documentation offers")
	flag.Parse()
	log.SetLogger(zap.New())
	if err := run(flag.Arg(0), *tuned); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
