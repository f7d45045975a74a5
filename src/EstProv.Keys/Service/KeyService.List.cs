using EstProv.Configuration.Keyd;
using EstProv.Keys.Authorization;
using EstProv.Platform;

namespace EstProv.Keys.Service;

/// <summary>Which key pairs a caller may use.</summary>
internal sealed partial class KeyService
{
    /// <summary>
    /// The key pairs of the ids that the caller may use, by id in ordinal order; of each id all pairs there are, since a certificate tells better
    /// than keyd which of them is in use. Nothing is asked of the token but for a preloaded key that has not been seen yet. One that is not
    /// there is left out; one that cannot be looked for has the problem in its place.
    /// </summary>
    /// <param name="after">The ids up to this one are left out; empty for none.</param>
    /// <param name="most">Ids.</param>
    public List<ListedPair> List(Caller caller, string after, int most, out bool more)
    {
        var slots = new List<KeySlot>();
        foreach (var slot in _slots.Values)
        {
            if (slot.IsSecret || string.CompareOrdinal(slot.KeyId, after) <= 0) continue;
            if (_authorizer.IsAllowed(caller.Uid, slot.KeyId, KeyRights.Use)) slots.Add(slot);
        }

        slots.Sort(static (one, other) => string.CompareOrdinal(one.KeyId, other.KeyId));
        var pairs = new List<ListedPair>();
        ProblemException? away = null;
        var ids = 0;
        more = false;
        foreach (var slot in slots)
        {
            // The pairs of one id are never apart.
            more = ids == most;
            if (more) break;
            var before = pairs.Count;
            AddPairs(slot, pairs, ref away);
            if (pairs.Count > before) ids++;
        }

        return pairs;
    }

    private static void AddPairs(KeySlot slot, List<ListedPair> pairs, ref ProblemException? away)
    {
        var state = slot.State;
        if (state.Current is { } current)
        {
            pairs.Add(new ListedPair(slot.KeyId, "current", current.Public, null));
        }
        else if (slot.Source is not null)
        {
            AddPreloaded(slot, pairs, ref away);
        }

        if (state.Next is { } next) pairs.Add(new ListedPair(slot.KeyId, "next", next.Public, null));
        if (state.Previous is { } previous) pairs.Add(new ListedPair(slot.KeyId, "previous", previous.Public, null));
    }

    private static void AddPreloaded(KeySlot slot, List<ListedPair> pairs, ref ProblemException? away)
    {
        // A token that is away is waited for once, and not once for each key.
        if (away is null || slot.HasSeenPreloaded)
        {
            try
            {
                if (slot.Preloaded() is { } preloaded) pairs.Add(new ListedPair(slot.KeyId, "current", preloaded.Public, null));
                return;
            }
            catch (ProblemException problem) when (problem.Code == "key_not_found")
            {
                return;
            }
            catch (ProblemException problem)
            {
                if (problem.Status == 503) away = problem;
                pairs.Add(new ListedPair(slot.KeyId, "current", null, problem));
                return;
            }
        }

        pairs.Add(new ListedPair(slot.KeyId, "current", null, away));
    }
}
