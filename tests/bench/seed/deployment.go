package main

import (
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var created = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

const namespaces = 100

func namespace(i int) string { return fmt.Sprintf("team-%02d", i%namespaces) }

func ptr[T any](v T) *T { return &v }

// deployment makes the i-th one; the same number is always the same object.
func deployment(i int) *appsv1.Deployment {
	name := fmt.Sprintf("shop-api-%06d", i)
	d := &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      name,
			Namespace: namespace(i),
			Labels:    labels(name, i),
		},
		Spec: spec(name, i),
	}
	applied, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	d.UID = types.UID(fmt.Sprintf("5eed0000-0000-4000-8000-%012d", i))
	d.Generation = 3
	d.CreationTimestamp = created
	d.Annotations = map[string]string{
		"deployment.kubernetes.io/revision":                "3",
		"kubectl.kubernetes.io/last-applied-configuration": string(applied) + "\n",
	}
	d.Status = status(name, *d.Spec.Replicas)
	d.ManagedFields = managedFields()
	return d
}

func labels(name string, i int) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       name,
		"app.kubernetes.io/component":  "api",
		"app.kubernetes.io/managed-by": "kubectl",
		"example.com/database":         fmt.Sprintf("db-%d", i/namespaces%10), // every namespace has all ten
	}
}

func spec(name string, i int) appsv1.DeploymentSpec {
	selector := map[string]string{"app.kubernetes.io/name": name}
	return appsv1.DeploymentSpec{
		Replicas:                ptr(int32(1 + i%5)),
		Selector:                &metav1.LabelSelector{MatchLabels: selector},
		RevisionHistoryLimit:    ptr(int32(10)),
		ProgressDeadlineSeconds: ptr(int32(600)),
		Strategy: appsv1.DeploymentStrategy{
			Type:          appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr(intstr.FromInt32(0)), MaxSurge: ptr(intstr.FromString("25%"))},
		},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: selector, Annotations: map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}},
			Spec: corev1.PodSpec{
				Containers:                    []corev1.Container{container(name)},
				RestartPolicy:                 corev1.RestartPolicyAlways,
				DNSPolicy:                     corev1.DNSClusterFirst,
				SchedulerName:                 "default-scheduler",
				ServiceAccountName:            name,
				TerminationGracePeriodSeconds: ptr(int64(30)),
				SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: ptr(true), FSGroup: ptr(int64(1000))},
				Volumes:                       []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-config"}, DefaultMode: ptr(int32(420))}}}},
			},
		},
	}
}

func probe(path string) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP}},
		PeriodSeconds: 10, TimeoutSeconds: 2, SuccessThreshold: 1, FailureThreshold: 3,
	}
}

func container(name string) corev1.Container {
	quantity := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	secret := func(key string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-database"}, Key: key}}
	}
	return corev1.Container{
		Name:  "api",
		Image: "registry.example.com/shop/" + name + "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}, {Name: "metrics", ContainerPort: 9090, Protocol: corev1.ProtocolTCP}},
		Env: []corev1.EnvVar{
			{Name: "DATABASE_USER", ValueFrom: secret("username")},
			{Name: "DATABASE_PASSWORD", ValueFrom: secret("password")},
			{Name: "DATABASE_POOL_SIZE", Value: "20"},
			{Name: "LOG_LEVEL", Value: "info"},
			{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}}},
		},
		Resources:                corev1.ResourceRequirements{Requests: quantity("100m", "128Mi"), Limits: quantity("1", "512Mi")},
		LivenessProbe:            probe("/healthz"),
		ReadinessProbe:           probe("/readyz"),
		VolumeMounts:             []corev1.VolumeMount{{Name: "config", MountPath: "/etc/shop", ReadOnly: true}},
		ImagePullPolicy:          corev1.PullIfNotPresent,
		TerminationMessagePath:   "/dev/termination-log",
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		SecurityContext:          &corev1.SecurityContext{AllowPrivilegeEscalation: ptr(false), ReadOnlyRootFilesystem: ptr(true)},
	}
}

func status(name string, replicas int32) appsv1.DeploymentStatus {
	condition := func(kind appsv1.DeploymentConditionType, reason, message string) appsv1.DeploymentCondition {
		return appsv1.DeploymentCondition{Type: kind, Status: corev1.ConditionTrue, LastUpdateTime: created, LastTransitionTime: created, Reason: reason, Message: message}
	}
	return appsv1.DeploymentStatus{
		ObservedGeneration: 3, Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
		Conditions: []appsv1.DeploymentCondition{
			condition(appsv1.DeploymentAvailable, "MinimumReplicasAvailable", "Deployment has minimum availability."),
			condition(appsv1.DeploymentProgressing, "NewReplicaSetAvailable", fmt.Sprintf("ReplicaSet %q has successfully progressed.", name+"-7d9c8b6f5")),
		},
	}
}

// The fields that kubectl applied and those that the Deployment controller wrote.
func managedFields() []metav1.ManagedFieldsEntry {
	entry := func(manager, subresource, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1",
			Time: &created, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(fields)}, Subresource: subresource}
	}
	const probeFields = `{".":{},"f:failureThreshold":{},"f:httpGet":{".":{},"f:path":{},"f:port":{},"f:scheme":{}},"f:periodSeconds":{},"f:successThreshold":{},"f:timeoutSeconds":{}}`
	const applied = `{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}},"f:labels":{".":{},"f:app.kubernetes.io/component":{},"f:app.kubernetes.io/managed-by":{},"f:app.kubernetes.io/name":{},"f:example.com/database":{}}},` +
		`"f:spec":{"f:progressDeadlineSeconds":{},"f:replicas":{},"f:revisionHistoryLimit":{},"f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{},"f:maxUnavailable":{}},"f:type":{}},` +
		`"f:template":{"f:metadata":{"f:annotations":{".":{},"f:prometheus.io/port":{},"f:prometheus.io/scrape":{}},"f:labels":{".":{},"f:app.kubernetes.io/name":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"api\"}":{".":{},` +
		`"f:env":{".":{},"k:{\"name\":\"DATABASE_USER\"}":{".":{},"f:name":{},"f:valueFrom":{".":{},"f:secretKeyRef":{}}},"k:{\"name\":\"LOG_LEVEL\"}":{".":{},"f:name":{},"f:value":{}}},` +
		`"f:image":{},"f:imagePullPolicy":{},"f:livenessProbe":` + probeFields + `,"f:name":{},"f:readinessProbe":` + probeFields + `,"f:resources":{".":{},"f:limits":{".":{},"f:cpu":{},"f:memory":{}},"f:requests":{".":{},"f:cpu":{},"f:memory":{}}}}},"f:serviceAccountName":{}}}}}`
	const observed = `{"f:metadata":{"f:annotations":{"f:deployment.kubernetes.io/revision":{}}},"f:status":{"f:availableReplicas":{},"f:conditions":{".":{},"k:{\"type\":\"Available\"}":{".":{},"f:lastTransitionTime":{},"f:message":{},"f:reason":{},"f:status":{},"f:type":{}}},"f:observedGeneration":{},"f:readyReplicas":{},"f:replicas":{},"f:updatedReplicas":{}}}`
	return []metav1.ManagedFieldsEntry{entry("kubectl-client-side-apply", "", applied), entry("kube-controller-manager", "status", observed)}
}
