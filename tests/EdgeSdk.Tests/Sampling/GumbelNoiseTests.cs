using System.Numerics;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Sampling;

public class GumbelNoiseTests
{
    [Fact]
    public void The_noise_has_the_bits_of_the_specification()
    {
        foreach (string[] row in SpecificationPage.Table("seed", "place", "id", "h"))
        {
            int id = int.Parse(row[2]);
            var noise = GumbelNoise.At(SpecificationPage.Bits(row[0]), int.Parse(row[1]));

            Assert.Equal(SpecificationPage.Bits(row[3]), noise.Hash(id));
            Assert.Equal(SpecificationPage.Double(row[4]), GumbelNoise.Uniform(noise.Hash(id)));
            Assert.Equal(SpecificationPage.Double(row[5]), noise.Of(id));
        }
    }

    [Fact]
    public void A_vector_of_hashes_holds_the_hashes_of_its_ids()
    {
        var noise = GumbelNoise.At(77, 12);
        for (int id = 0; id < 4096; id += 37)
        {
            var hashes = noise.HashesFrom(id);
            for (int lane = 0; lane < Vector<ulong>.Count; lane++)
                Assert.Equal(noise.Hash(id + lane), hashes[lane]);
        }
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    public void The_noise_is_finite_and_within_its_range_at_the_ends_of_the_hash(ulong hash)
    {
        double noise = -Elementary.Log(-Elementary.Log(GumbelNoise.Uniform(hash)));

        Assert.InRange(noise, GumbelNoise.Least, GumbelNoise.Most);
    }
}
