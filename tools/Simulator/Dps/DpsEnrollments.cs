using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Hub;

namespace EstProv.Simulator.Dps;

/// <summary>The enrolments: the built-in X.509 group, and what the operator adds; kept in DIR/enrollments.json, which holds keys.</summary>
public sealed class DpsEnrollments
{
    private readonly Lock _lock = new();
    private readonly string _file;
    private readonly List<DpsEnrollment> _enrollments = [];

    public DpsEnrollments(string data)
    {
        _file = Path.Combine(data, "enrollments.json");
        _enrollments.AddRange(StateFile.ReadJson<DpsEnrollment[]>(_file) ?? []);
        if (_enrollments.TrueForAll(static e => e.EnrollmentGroupId != DpsEnrollment.BuiltInGroup))
        {
            _enrollments.Add(new DpsEnrollment { EnrollmentGroupId = DpsEnrollment.BuiltInGroup });
        }
    }

    public IReadOnlyList<DpsEnrollment> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _enrollments];
            }
        }
    }

    public DpsEnrollment? Individual(string registrationId)
    {
        lock (_lock)
        {
            return _enrollments.Find(e => registrationId.Equals(e.RegistrationId, StringComparison.OrdinalIgnoreCase));
        }
    }

    public IReadOnlyList<DpsEnrollment> Groups(DpsAttestationType attestation)
    {
        lock (_lock)
        {
            return _enrollments.FindAll(e => e.EnrollmentGroupId is not null && e.Attestation == attestation);
        }
    }

    /// <summary>Adds an enrolment, or replaces the one of its name; symmetric keys that are absent are made.</summary>
    /// <exception cref="FormatException">It is none that DPS would take.</exception>
    public DpsEnrollment Put(DpsEnrollment enrollment)
    {
        Check(enrollment);
        if (enrollment.Attestation == DpsAttestationType.SymmetricKey)
        {
            enrollment = enrollment with
            {
                PrimaryKey = enrollment.PrimaryKey ?? DeviceRegistry.NewKey(),
                SecondaryKey = enrollment.SecondaryKey ?? DeviceRegistry.NewKey(),
            };
        }

        lock (_lock)
        {
            _enrollments.RemoveAll(e => IsSame(e, enrollment));
            _enrollments.Add(enrollment);
            Save();
        }

        return enrollment;
    }

    /// <summary>Removes by registration id or group id; the built-in group returns to what it was.</summary>
    public bool Remove(string name)
    {
        lock (_lock)
        {
            var removed = _enrollments.RemoveAll(e => e.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) > 0;
            if (name == DpsEnrollment.BuiltInGroup)
            {
                _enrollments.Add(new DpsEnrollment { EnrollmentGroupId = DpsEnrollment.BuiltInGroup });
            }

            Save();
            return removed;
        }
    }

    private static void Check(DpsEnrollment enrollment)
    {
        if ((enrollment.RegistrationId is null) == (enrollment.EnrollmentGroupId is null))
        {
            throw new FormatException("an enrolment has either registrationId or enrollmentGroupId");
        }

        if (enrollment.RegistrationId is { } id && !RegistrationId.IsValid(id))
        {
            throw new FormatException($"{id} is no registration id");
        }

        if (!HubJson.IsKey(enrollment.PrimaryKey) || !HubJson.IsKey(enrollment.SecondaryKey))
        {
            throw new FormatException("a symmetric key is base64 of 16 to 64 bytes");
        }

        if (enrollment.Attestation == DpsAttestationType.X509 && enrollment.RegistrationId is not null && enrollment.Thumbprints.Count is 0 or > 2)
        {
            throw new FormatException("an individual X.509 enrolment has one or two thumbprints");
        }

        try
        {
            new X509Certificate2Collection().ImportFromPem(enrollment.Authorities);
        }
        catch (CryptographicException e)
        {
            throw new FormatException("authorities: no certificates in PEM", e);
        }
    }

    private static bool IsSame(DpsEnrollment a, DpsEnrollment b)
        => string.Equals(a.RegistrationId, b.RegistrationId, StringComparison.OrdinalIgnoreCase) && a.EnrollmentGroupId == b.EnrollmentGroupId;

    private void Save() => StateFile.WriteJson(_file, _enrollments, secret: true);
}
