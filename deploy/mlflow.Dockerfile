# The MLflow server of compose.yaml: with what it needs for PostgreSQL and S3.
ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE}
ARG MLFLOW="mlflow>=3.17,<4"
RUN python3 -m venv --without-pip /app \
    && python3 -m pip --python /app/bin/python install --no-cache-dir "${MLFLOW}" "psycopg[binary]>=3.1" "boto3>=1.34"
ENV PATH=/app/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 5000
ENTRYPOINT ["mlflow"]
