using EdgeSdk.Decoding;

namespace EdgeSdk.Tests.Decoding;

public class StepCostTests
{
    [Fact]
    public void A_pass_costs_what_was_measured_and_is_linear_between()
    {
        var cost = new StepCost([1f, 2f, 4f, 8f]);

        Assert.Equal(1, cost.Pass(1));
        Assert.Equal(2, cost.Pass(2));
        Assert.Equal(3, cost.Pass(3));
        Assert.Equal(4, cost.Verify(3));
        Assert.Equal(6, cost.Pass(6));
        Assert.Equal(10, cost.Pass(10));
    }

    [Fact]
    public void A_wider_pass_never_counts_as_cheaper_than_a_narrower_one()
    {
        var cost = new StepCost([2f, 1.5f, 3f, 2.5f]);

        Assert.Equal(2, cost.Pass(2));
        Assert.Equal(3, cost.Pass(8));
        Assert.Equal(3, cost.Pass(65));
    }

    [Fact]
    public void A_padded_pass_never_costs_less_than_the_padding() =>
        Assert.Equal(5, new StepCost([1f, 2f, 8f]).AtLeast(5).Pass(1));
}
