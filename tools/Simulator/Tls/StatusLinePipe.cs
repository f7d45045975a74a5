using System.IO.Pipelines;

namespace EstProv.Simulator.Tls;

/// <summary>
/// Plain HTTP of a connection, within TLS. Kestrel says HTTP/1.1 whatever it was asked in; the answers that the record marks are sent as
/// HTTP/1.0, which is all that libest's client reads in Debian's build.
/// </summary>
internal sealed class StatusLinePipe(IDuplexPipe inner, ConnectionRecord record) : IDuplexPipe
{
    public PipeReader Input => inner.Input;

    public PipeWriter Output { get; } = new Writer(inner.Output, record);

    private sealed class Writer(PipeWriter inner, ConnectionRecord record) : PipeWriter
    {
        private Memory<byte> _lent;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            var written = _lent.Span[..bytes];
            if (record.AnswersAsHttp10 && written.StartsWith("HTTP/1.1 "u8))
            {
                written["HTTP/1.".Length] = (byte)'0';
                record.AnswersAsHttp10 = false;
            }

            _lent = _lent[bytes..];
            inner.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _lent = inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);
    }
}
