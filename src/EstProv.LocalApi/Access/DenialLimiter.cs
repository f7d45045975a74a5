namespace EstProv.LocalApi.Access;

/// <summary>Lets a few denials of each uid into the log and counts the rest, so that nobody fills the log by asking.</summary>
internal sealed class DenialLimiter(TimeProvider time)
{
    private const int Burst = 5;
    private const int MostUids = 256;
    private static readonly TimeSpan Refill = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<uint, Bucket> _buckets = [];

    /// <param name="suppressed">Denials of this uid since its last line.</param>
    public bool MayLog(uint uid, out int suppressed)
    {
        lock (_gate)
        {
            if (!_buckets.TryGetValue(uid, out var bucket))
            {
                if (_buckets.Count >= MostUids) _buckets.Clear();
                _buckets[uid] = bucket = new Bucket { Left = Burst, At = time.GetTimestamp() };
            }

            var gained = (int)Math.Min(Burst, time.GetElapsedTime(bucket.At) / Refill);
            if (gained > 0)
            {
                bucket.Left = Math.Min(Burst, bucket.Left + gained);
                bucket.At = time.GetTimestamp();
            }

            suppressed = bucket.Suppressed;
            if (bucket.Left == 0)
            {
                bucket.Suppressed++;
                return false;
            }

            bucket.Left--;
            bucket.Suppressed = 0;
            return true;
        }
    }

    private sealed class Bucket
    {
        public int Left;
        public int Suppressed;
        public long At;
    }
}
