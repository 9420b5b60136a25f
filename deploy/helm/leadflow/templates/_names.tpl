{{- define "leadflow.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- define "leadflow.selector" -}}
app.kubernetes.io/name: leadflow
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "leadflow.labels" -}}
{{ include "leadflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
